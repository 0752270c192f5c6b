"""The record of one request on its way through the layers; each layer writes its decision here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from middlewares.auth.deciding import Identity
    from middlewares.auth.way import Way
    from middlewares.bodies import Sink, Upload
    from middlewares.candidates.deciding import Candidates
    from middlewares.head_changes import HeadChanges
    from middlewares.header_section import HeaderSection
    from middlewares.limits.deciding import Decision
    from middlewares.mirror.copying import Beginning
    from middlewares.routing.matching.matcher import Hit
    from middlewares.routing.route import Route
    from middlewares.split.deciding import Chosen
    from middlewares.telemetry.metrics import Stream
    from middlewares.version_ranges import VersionRange

#: The outcome of an attempt whose answer's head has come.
ANSWERED = "answered"

_NO_WAYS: "Mapping[str, Way]" = {}


@dataclass(slots=True)
class Attempt:
    """One attempt at one instance of a version: when it began and how it ended.

    `outcome` is `pending` until the attempt is over, then `answered` or a reason of the contract.
    """

    instance_id: str
    started_s: float
    outcome: str = "pending"
    duration_s: float = 0.0
    version: str | None = None


@dataclass(slots=True)
class PartRecord:
    """What a part of a composition was for the log; `reason` None: it has its value."""

    name: str
    service: str
    reason: str | None
    status: int | None = None
    instance_id: str | None = None
    attempts: int = 0
    duration_s: float = 0.0


class Held(Protocol):
    """Something that an exchange holds until it ends, such as a connection."""

    def release(self) -> None: ...


class Exchange:
    """What is known about a request so far; times are seconds of the monotonic clock."""

    route: "Route | None" = None
    #: How a configured route takes the request.
    hit: "Hit[Route] | None" = None
    #: The ways of authentication beside the route, by name: a reload changes nothing for the request.
    ways: "Mapping[str, Way]" = _NO_WAYS
    #: Who has sent the request; None: the route does not ask.
    identity: "Identity | None" = None
    #: Why the identity was refused, for the log.
    auth_refusal: str | None = None
    #: What the layers change in the head that goes to an instance.
    changes: "HeadChanges | None" = None
    #: Values of Set-Cookie that the answer gets.
    cookies: tuple[str, ...] = ()
    #: What the cache did, as its item of Cache-Status (RFC 9211); None: the route has no cache.
    cache_status: bytes | None = None
    limit: "Decision | None" = None
    #: Only an instance whose version all of these hold gets the request.
    ranges: "tuple[VersionRange, ...]" = ()
    #: Chooses the ranges again where nobody is in these any more; None: they stay.
    ranges_anew: "Callable[[], tuple[VersionRange, ...]] | None" = None
    #: The version that the request is for, as it was named or is the route's default; None: any, or unknown.
    version: str | None = None
    #: Fields that an error of the gateway's own gets.
    error_fields: "tuple[tuple[str, str], ...]" = ()
    #: The share of the route's split that the request goes to; None: there is no split, or none is chosen yet.
    share: str | None = None
    #: How it was chosen, and what another one is chosen by.
    chosen: "Chosen | None" = None
    #: The raw query as the client sent it, where a cache has left members of it out; None: it has not.
    asked_query: str | None = None
    #: The target that an instance gets in place of the route's.
    sent_target: str | None = None
    #: What an instance is told that its paths begin with for clients, in place of the route's prefix.
    sent_prefix: str | None = None
    #: The body that an instance gets in place of the client's; its length is announced.
    changed_body: bytes | None = None
    candidates: "Candidates | None" = None
    upstream_s: float | None = None
    #: The request's body, if a layer has read it.
    body: bytes | None = None
    #: The body, if a layer has begun to read it and it was too long.
    upload: "Upload | None" = None
    #: Gets each piece of an upload once, in order, as the first attempt that reads it does; it never declines one.
    upload_reader: "Sink | None" = None
    #: The copies that were made of it: a split that takes another share sends it through the same layers again.
    copies: "Beginning | None" = None
    #: A mirror sends it: it is not among the service's requests in flight, and its attempts are in no log or metric
    #: of the service.
    is_copy = False
    #: The parts that were asked, of an answer that is put together from those of several services.
    parts: tuple[PartRecord, ...] = ()
    #: Set if the answer lasts until somebody ends it. A tunnel's answer is its 101, however it ends.
    stream: "Stream | None" = None
    bytes_in = 0
    #: Bytes of the answer's body that were sent; None: unknown.
    bytes_out: int | None = None
    #: Whether the access log has the request: only one that the gateway has sent itself is left out.
    is_logged = True
    #: The contract's `reason` if the gateway itself answered with a failure.
    reason: str | None = None

    def __init__(
        self,
        correlation_id: str,
        started_s: float,
        client_ip: str,
        section: "HeaderSection",
        authority: str | None,
        target: str,
        path: str,
    ) -> None:
        self.correlation_id = correlation_id
        self.started_s = started_s
        self.client_ip = client_ip
        self.section = section
        #: The request target as it came: an absolute-form's authority, the path with query, the path.
        self.authority = authority
        self.target = target
        self.path = path
        self.attempts: list[Attempt] = []
        #: Released when the exchange ends, however it ends.
        self.held: list[Held] = []

    @property
    def asked_host(self) -> bytes:
        """The host that was asked for, with its port; empty if an HTTP/1.0 request names none."""
        if self.authority is not None:
            return self.authority.encode("utf-8", "surrogateescape")
        return self.section.host or b""

    @property
    def served_version(self) -> str | None:
        """The version of the instance that was asked last."""
        return self.attempts[-1].version if self.attempts else None

    @property
    def has_cache(self) -> bool:
        """Whether the request's route has a cache."""
        return self.route is not None and self.route.policy.cache is not None

    @property
    def query(self) -> str:
        """The raw query without its question mark."""
        return self.target[len(self.path) + 1 :]

    def release(self) -> None:
        """Release all that the exchange holds."""
        held = self.held
        while held:
            held.pop().release()


EXCHANGE: web.RequestKey["Exchange"] = web.RequestKey("exchange", Exchange)
