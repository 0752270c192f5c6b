"""A route: which service its requests go to, and under which policy."""

from dataclasses import dataclass
from typing import Literal

from middlewares.auth.resource_metadata import ResourceMetadata
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.redirecting import Redirect
from middlewares.routing.rewriting import Rewrite


@dataclass(frozen=True, slots=True)
class Respond:
    """An answer that needs no service."""

    status: int = 200
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class OfServices:
    """An answer that is put together from those of several services; middlewares/compose says of which."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OfWays:
    """An answer that ways of authentication give at a path of their own, such as a log-in's callback.

    `ways` are the names of those that have this path on the host (None: on every host).
    """

    host: str | None
    path: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Says what happens with the requests that it takes: logs name it by `id`.

    The upstream does not see its `prefix`. Its Host is the one that was asked for, the instance's own, or
    `host`. With an `answer` the gateway answers by itself, and `service`
    is empty. `shares` has one route for each share of its split: for another service one of its own, which has
    the same id.
    """

    id: str
    service: str
    prefix: str
    policy: RoutePolicy
    rewrite: Rewrite | None = None
    host: bytes | Literal["asked", "own"] = "asked"
    answer: Respond | Redirect | OfServices | OfWays | ResourceMetadata | None = None
    shares: "tuple[Route, ...]" = ()
