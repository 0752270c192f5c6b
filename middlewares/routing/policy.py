"""The settings for a route's requests, as one frozen value."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from middlewares.access.deciding import AddressLists
from middlewares.auth.deciding import Requirement
from middlewares.cache.policy import CachePolicy
from middlewares.cors.deciding import CorsPolicy
from middlewares.limits.deciding import (
    NO_LIMITS,
    Policy,
    RouteLimits,
    at_the_door,
    behind_the_door,
)

if TYPE_CHECKING:  # a gateway without a file loads nothing of these
    from middlewares.compress.policy import CompressPolicy
    from middlewares.mirror.policy import MirrorPolicy
    from middlewares.split.policy import SplitPolicy
    from middlewares.transform.deciding.variables import Variable
    from middlewares.transform.policy import RequestRules, ResponseRules
    from middlewares.validate.policy import ValidatePolicy
    from middlewares.versions.policy import VersionsPolicy

NEVER = float("inf")


#: Stands for no limit where NEVER would say that nothing is waited for.
_AGES_S = 1e9


class Deadlines(NamedTuple):
    """One request's limits in seconds, as in Timeouts (`idle_s` 0: no limit), and its end (loop time)."""

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    ends_s: float = NEVER


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds a request of the route may take; 0: no limit.

    `head_s` limits the time from the last byte sent to the instance to the answer's head, `idle_s` the
    time between two pieces of the answer's body, `total_s` the whole exchange with all its attempts.
    """

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    total_s: float = 0.0


#: What a request is repeated after: a failed connect, the end of the connection before an answer, no
#: answer in time, or an answer with this status.
Cause = str | int
CONNECT, RESET, TIMEOUT = "connect", "reset", "timeout"


@dataclass(frozen=True, slots=True)
class Retries:
    """When and how often a request is repeated; the default is what holds for a service that says nothing.

    `attempts` counts the first one; 0: once at each candidate. `per_try_s` limits the connecting of each
    attempt and its wait for an answer's head; 0: only the time-outs do. `budget` is the largest share of the
    service's requests that may be repeats. None: no limit, and no pauses before repeats.
    """

    attempts: int = 0
    on: frozenset[Cause] = frozenset([CONNECT, RESET])
    per_try_s: float = 0.0
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """Which of several instances gets a request.

    `hash_of` says what requests by `hash` are told apart by; `name` is that of the header, in lower case,
    or of the cookie. `slow_start_s`: how long the weight of an instance grows that is new or back; 0: it is
    whole at once.
    """

    by: Literal["p2c", "round_robin", "least_request", "hash"] = "p2c"
    hash_of: Literal["client", "header", "cookie"] = "client"
    name: bytes = b""
    slow_start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outliers:
    """When an instance of a service is ejected for what real requests say of it.

    `failures` in a row, a `rate` of failures (0 to 1), a typical answer `latency` times as late as its
    siblings'; 0: that alone is no reason. It is out for `eject_s` times the number of ejections in a row.
    No more than the share `most` of the instances is out at a time, though one of two may be.
    """

    failures: int = 5
    rate: float = 0.5
    latency: float = 5.0
    eject_s: float = 5.0
    most: float = 0.5


@dataclass(frozen=True, slots=True)
class Breaker:
    """A service that fails as a whole gets no requests for `open_for_s`, then twice as long, and so on."""

    open_for_s: float = 5.0


@dataclass(frozen=True)
class RoutePolicy:
    """The settings of a route; a request keeps the policy that it began with.

    `limits` have distinct names; a limit of 0 is off and is left out. Without `cors`, CORS is
    the service's own matter; without `auth` everybody is admitted; without `cache` no answer is kept, and without
    `compress` none is compressed.
    `body_bytes` is the largest body of a request, and `concurrent` the most requests in flight to the service
    from this worker; 0: no limit.
    `outliers` and `breaker` are those of the service, on each of its routes; None: it has none.
    `takes_timeout`: a client may shorten `timeouts.total_s` by X-Request-Timeout.
    `request` and `response` are what is changed on the way in and out; `rewrites_location`: URLs of the service's
    own in Location and the like become those that clients know. Without `split` all clients get the same versions.
    """

    timeouts: Timeouts = Timeouts()
    limits: tuple[Policy, ...] = ()
    retries: Retries = Retries()
    balance: Balance = Balance()
    cors: CorsPolicy | None = None
    access: AddressLists | None = None
    auth: Requirement | None = None
    cache: CachePolicy | None = None
    compress: "CompressPolicy | None" = None
    validate: "ValidatePolicy | None" = None
    mirrors: "tuple[MirrorPolicy, ...]" = ()
    body_bytes: int = 0
    concurrent: int = 0
    outliers: Outliers | None = None
    breaker: Breaker | None = None
    takes_timeout: bool = False
    request: "RequestRules | None" = None
    response: "ResponseRules | None" = None
    rewrites_location: bool = False
    versions: "VersionsPolicy | None" = None
    split: "SplitPolicy | None" = None

    def __post_init__(self) -> None:
        # Limits are counted by name: the second of a name would be charged by the count before the first.
        if len({limit.name for limit in self.limits}) < len(self.limits):
            raise ValueError("a limit is named twice")

    @cached_property
    def own_balance(self) -> Balance | None:
        """The balance, or None for the default one."""
        return None if self.balance == Balance() else self.balance

    @cached_property
    def limits_at_door(self) -> RouteLimits:
        """The limits that are decided before it is known who asks; none where nobody is asked that."""
        return NO_LIMITS if self.auth is None else at_the_door(self.limits)

    @cached_property
    def limits_behind(self) -> RouteLimits:
        """All other limits."""
        return RouteLimits(self.limits) if self.auth is None else behind_the_door(self.limits)

    @cached_property
    def is_outer_changed(self) -> bool:
        """Whether a layer of the outer gate has something to do for the route."""
        return self.compress is not None or self.versions is not None

    @cached_property
    def is_inner_changed(self) -> bool:
        """Whether a layer of the inner gate has something to do for the route."""
        return bool(
            self.request
            or self.response
            or self.rewrites_location
            or self.versions is not None
            or self.split is not None
            or self.validate is not None
            or self.mirrors
        )

    @cached_property
    def variables(self) -> "frozenset[Variable]":
        """The variables that rules put into requests and answers of the route."""
        used: frozenset[Variable] = frozenset()
        for rules in (self.request, self.response):
            used = used if rules is None else used | rules.variables
        return used

    @cached_property
    def varies_by(self) -> tuple[bytes, ...]:
        """The names of the client's headers that answers of the route depend on by its rules, in lower case."""
        return tuple(sorted(one.name.encode() for one in self.variables if one.kind == "header"))

    @cached_property
    def is_bounded(self) -> bool:
        """Whether there is a limit for the time of a request with all its attempts, or for their number."""
        return bool(self.timeouts.total_s or self.concurrent)

    @cached_property
    def is_watched(self) -> bool:
        """Whether the service's instances, or all of it, may be shut out by what its answers are."""
        return self.outliers is not None or self.breaker is not None

    @cached_property
    def patience_s(self) -> float:
        """How long an instance may take to its answer's head, if no client wants it sooner."""
        return min(self.deadlines.head_s, self.timeouts.total_s or NEVER)

    @cached_property
    def deadlines(self) -> Deadlines:
        """Those of a request that may take any time with all its attempts."""
        timeouts, per_try_s = self.timeouts, self.retries.per_try_s or _AGES_S
        return Deadlines(
            min(timeouts.connect_s or _AGES_S, per_try_s),
            min(timeouts.head_s or _AGES_S, per_try_s),
            timeouts.idle_s,
        )

    def deadlines_until(self, ends_s: float) -> Deadlines:
        """Those of a request that ends by this loop time, with all its attempts."""
        return self.deadlines._replace(ends_s=ends_s)
