"""Which service a request target belongs to: a pure function of the target and what is registered."""

from dataclasses import dataclass
from typing import Protocol

from discovery.instance import is_service_name

PREFIX = "/api"


class Catalogue(Protocol):
    """What routing needs of the view."""

    def is_registered(self, service: str) -> bool: ...

    def is_known(self, service: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: `id` names the route in logs, `target` is the path and query to send."""

    id: str
    service: str
    prefix: str
    target: str


def split_target(raw_target: str) -> tuple[str | None, str]:
    """(authority, path with query) of a request target; the authority is an absolute-form's own.

    RFC 9112 §3.2.2: a server takes absolute-form from anyone, and the Host field is then ignored.
    """
    scheme, separator, rest = raw_target.partition("://")
    if raw_target.startswith("/") or not separator or scheme.lower() not in ("http", "https"):
        return None, raw_target
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    path = rest[cut:]
    return rest[:cut], path if path.startswith("/") else "/" + path


def find_route(path_and_query: str, catalogue: Catalogue) -> Route | None:
    """The route of a raw path below /api, or None; not one byte behind the segment is touched."""
    path, question, query = path_and_query.partition("?")
    _, _, below = path.partition(PREFIX + "/")
    segment, slash, rest = below.partition("/")
    service = service_of(segment, catalogue)
    if not path.startswith(PREFIX + "/") or service is None:
        return None
    prefix = f"{PREFIX}/{segment}"
    return Route(
        prefix, service, prefix, f"/{rest}{question}{query}" if slash else f"/{question}{query}"
    )


def service_of(segment: str, catalogue: Catalogue) -> str | None:
    """`<segment>_service`, or `<segment>` where only that is registered; else the one that was."""
    if not is_service_name(segment):
        return None
    names = [f"{segment}_service", segment]
    for is_there in (catalogue.is_registered, catalogue.is_known):
        for name in names:
            if is_there(name):
                return name
    return None
