"""What a configuration of another gateway comes to, and where each part of it stands."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.cli.importing.names import Names
from middlewares.telemetry.printable import printable

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]

TIMES = "Lockgate waits 2s to connect, 30s for the head and 5m for each piece after it."
AMBIGUOUS = 'Paths that servers read in different ways, such as those with "//", ".." or "%2F", are answered 400.'
_OWN = frozenset(
    (name,) for name in ("health", "ready", "status", "metrics", "services", "heartbeats")
)
#: More in one file are no file of a person's.
MAX_ROUTES = 5_000
#: No client has an address outside these.
EVERYBODY = ("0.0.0.0/0", "::/0")


class Place(NamedTuple):
    """A line of a file, and a column for mistakes; both count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Unreadable(Exception):
    """The file can't be imported; the message is one line with the place of the mistake."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(printable(f"{place.file}:{place.line}:{place.column}: {message}"))


class Note(NamedTuple):
    """A comment on a line: what is not understood, or what is only nearly the same."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(slots=True)
class Service:
    """A service with fixed addresses; `origin` is the line that it comes from, in short."""

    name: str
    place: Place
    origin: str
    urls: list[str] = field(default_factory=list)
    health: dict[str, Value] = field(default_factory=dict)
    balance: dict[str, Value] = field(default_factory=dict)
    retries: dict[str, Value] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True)
class Limit:
    """Requests in a window; with an empty `window`, requests in flight."""

    name: str
    place: Place
    origin: str
    requests: int
    window: str
    by: Value = "client"
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Match:
    """What a route matches; one of `path` and `prefix` at most."""

    host: str | None = None
    path: str | None = None
    prefix: str | None = None
    methods: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()

    @property
    def begins(self) -> str:
        return self.path or self.prefix or "/"

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(part for part in self.begins.split("/") if part)

    @property
    def identity(self) -> Hashable:
        """Equal for two that match the very same requests."""
        path = self.path if self.path is not None else self.segments
        headers = frozenset((name.lower(), value) for name, value in self.headers)
        return self.host, path, frozenset(self.methods), headers, frozenset(self.query)


@dataclass(slots=True)
class Route:
    """A route; `settings` are its other keys, as in our file."""

    name: str
    place: Place
    origin: str
    match: Match
    settings: dict[str, Value] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def close(self, place: Place, why: str) -> None:
        """Refuse everybody, because what restricts access there can't be imported."""
        self.settings.pop("allow", None)
        self.settings["deny"] = {"from": EVERYBODY}
        self.notes.append(
            Note(place, f"{why}; `deny` keeps everybody out until you replace or remove it")
        )


@dataclass(slots=True)
class Imported:
    """All of a file; `notes` are those that belong to no service, limit or route."""

    services: list[Service] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    #: What of Lockgate's defaults differs from those of the other gateway.
    differences: list[str] = field(default_factory=list)
    #: Lines below everything else, as they are but for the "#" in front.
    suggestions: list[str] = field(default_factory=list)
    service_names: Names = field(default_factory=lambda: Names("service"))
    limit_names: Names = field(default_factory=lambda: Names("limit"))
    route_names: Names = field(default_factory=lambda: Names("route"))
    _first: dict[Hashable, Route] = field(default_factory=dict)

    def repeat(self, route: Route, retries: dict[str, Value], place: Place, what: str) -> None:
        """Let the route's service repeat requests; with us that is one for all of its routes."""
        name = route.settings.get("service")
        service = next((one for one in self.services if one.name == name), None)
        if service is None:
            return
        if service.retries and service.retries != retries:
            text = f"{what}: left out, `retries` is one for all routes to {service.name}"
            route.notes.append(Note(place, text))
            return
        service.retries = retries

    def add(self, route: Route) -> None:
        """Add a route, unless one before it has the very same match, which our file refuses."""
        first = self._first.setdefault(route.match.identity, route)
        if first is not route:
            text = f"{route.origin}: left out, it matches what {first.origin} ({first.place}) does"
            self.notes.append(Note(route.place, text))
            return
        self.routes.append(route)
        if len(self.routes) > MAX_ROUTES:
            raise Unreadable(route.place, f"the file comes to more than {MAX_ROUTES:,} routes")
        if route.match.segments[:1] in _OWN:
            text = "Lockgate has this path of its own, which comes first"
            route.notes.append(
                Note(route.place, f"{text}; ADMIN_LISTEN moves all but /health and /ready")
            )
