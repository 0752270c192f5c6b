"""What limits there are, and what clients are told of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from middlewares.costs.deciding import Cost

#: The fields that tell clients their limits (draft-ietf-httpapi-ratelimit-headers-11), lower-case. On a
#: limited route ours replace those of an upstream.
LIMIT_FIELDS = frozenset([b"ratelimit-policy", b"ratelimit"])
#: Up to this limit the log is exact to the millisecond; above it, a window has this many steps.
EXACT_UP_TO = 500
#: The longest step, so that nobody is told to wait for longer than the window and a second.
MOST_US = 1_000_000
#: Replaces the limit in a charge that is made even without room.
NO_LIMIT = 2**53 - 1

#: How an admission is charged.
COUNTED, CHARGED, CONCURRENT, BUDGET, SHADOW = 0, 1, 2, 3, 4

#: The limit that every gateway has: RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW make it.
DEFAULT_POLICY = "default"
#: Whose requests are counted together.
By = Literal["client", "subject", "service", "route", "everyone", "header"]


#: What a limit counts: requests in a window, requests in flight, or units of cost in a window.
Kind = Literal["requests", "concurrent", "budget"]


@dataclass(frozen=True, eq=False)
class Policy:
    """A limit, of one of three kinds; a limit of 0 is off.

    - `requests`: at most so many in any interval of `window_us` microseconds. With `counts`, answers with
      these statuses are limited: a request is admitted while there is room, and charged once its answer
      is known. Concurrent requests may then exceed the limit together.
    - `concurrent`: at most so many requests in flight; there is no window.
    - `budget`: at most so many units in any interval of `window_us`. A request reserves `reserve` units
      (at least 1), and is charged what it has cost once that is known: `cost` says where the answer has it.

    `by` says whose requests are counted together: a client's, a subject's (of who has not authenticated: its
    client's), those for a service, those of a route, everyone's, or those with the same value of the field
    `header`, which is in lower case.

    A `shadow` is decided and counted but refuses nobody. A request that it would have refused is not
    charged to it, just as a refused one would not be.

    A policy is part of every check's key, so it is compared by identity, which is quick. What is
    remembered about a policy is forgotten with it. Raises ValueError for two kinds at once.
    """

    name: str
    requests: int
    window_us: int
    counts: frozenset[int] = frozenset()
    by: By = "client"
    header: bytes = b""
    concurrent: int = 0
    budget: int = 0
    reserve: int = 0
    shadow: bool = False
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.requests, self.concurrent, self.budget))) > 1:
            raise ValueError("a limit counts requests, requests in flight, or a budget")
        if self.counts and not self.requests:
            raise ValueError("only a limit of requests counts answers")

    @property
    def key_in_words(self) -> str:
        """Whose requests are counted together, in words."""
        return f"header {self.header.decode('ascii')}" if self.by == "header" else self.by

    @cached_property
    def kind(self) -> Kind:
        if self.concurrent:
            return "concurrent"
        return "budget" if self.budget else "requests"

    @cached_property
    def account(self) -> str:
        """Under which name it is accounted for; a budget of the same name has held units, not requests."""
        return f"{self.name}/concurrent" if self.concurrent else self.name

    @cached_property
    def limit(self) -> int:
        """The most requests, requests in flight, or units; 0: no limit."""
        return self.requests or self.concurrent or self.budget

    @cached_property
    def is_held(self) -> bool:
        """Whether an admitted request holds something of it until it is settled."""
        return self.kind != "requests"

    @cached_property
    def is_charged(self) -> bool:
        """Whether every admitted request is charged to it, as to none that counts answers and no shadow."""
        return not self.counts and not self.shadow

    @cached_property
    def need(self) -> int:
        """How much of the limit an admission takes."""
        return max(1, self.reserve) if self.budget else 1

    @cached_property
    def window_s(self) -> int:
        """The window that clients are told, in whole seconds, rounded up; 0: there is none."""
        return -(-self.window_us // 1_000_000)

    @cached_property
    def resolution_us(self) -> int:
        """The step that stamps are rounded up to, in microseconds."""
        if self.limit <= EXACT_UP_TO:
            return 1000
        return min(MOST_US, max(1000, -(-self.window_us // EXACT_UP_TO)))

    @cached_property
    def way(self) -> int:
        """How rate_limit.lua charges an admission: COUNTED, CHARGED, CONCURRENT or BUDGET, a shadow SHADOW more."""
        way = CHARGED
        if self.counts:
            way = COUNTED
        elif self.concurrent:
            way = CONCURRENT
        elif self.budget:
            way = BUDGET
        return way + SHADOW if self.shadow else way

    @cached_property
    def argument(self) -> tuple[int, int, int, int, int]:
        """The policy's arguments for rate_limit.lua."""
        return self.limit, self.window_us, self.resolution_us, self.way, self.need

    @cached_property
    def charged_anyway(self) -> tuple[int, int, int, int, int]:
        """The policy's arguments for a charge by the answer, which is made even without room.

        A shadow is not charged without room: it would have refused the request.
        """
        limit, way = (self.limit, CHARGED + SHADOW) if self.shadow else (NO_LIMIT, CHARGED)
        return limit, self.window_us, self.resolution_us, way, 1

    @cached_property
    def item(self) -> bytes:
        """The policy's name as an item of the fields."""
        return f'"{self.name}"'.encode("ascii")

    @cached_property
    def described(self) -> bytes:
        """The policy's element in RateLimit-Policy."""
        if self.concurrent:
            return b'%b;q=%d;qu="concurrent-requests"' % (self.item, self.limit)
        return b"%b;q=%d;w=%d" % (self.item, self.limit, self.window_s)
