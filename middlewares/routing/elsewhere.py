"""Says which of the last requests another table would send elsewhere, refuse or admit."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from discovery.base.steps import Steps
from discovery.model.naming import Catalogue
from middlewares.access.deciding import AddressLists
from middlewares.auth.resource_metadata import ResourceMetadata
from middlewares.header_section import HeaderSection
from middlewares.routing.configured import ROOT, ConfiguredTable
from middlewares.routing.matching.match import Match, host_name
from middlewares.routing.matching.matcher import Ambiguous, Hit
from middlewares.routing.matching.possible import Known, NamedRequest, Open, choices
from middlewares.routing.recent import MOST_OF_NAMES, RecentRequest
from middlewares.routing.redirecting import Redirect
from middlewares.routing.route import OfWays, Route

#: Each takes a tenth of a millisecond and more.
REQUESTS_OF_A_STEP: Final = 10

NOT_FOUND: Final = "404"
AMBIGUOUS: Final = "400 ambiguous_path"
THE_PAGE: Final = "the page"
REFUSED: Final = "403"


class Place(NamedTuple):
    """Where a request goes: a route, or what it is answered with; `by` says what the route does with it.

    `is_certain`: every condition is known to hold.
    """

    name: str
    by: str
    access: AddressLists | None
    route: str | None
    is_certain: bool


class Routed(NamedTuple):
    """A table, and the services that are there with it."""

    table: ConfiguredTable
    catalogue: Catalogue


class Moved(NamedTuple):
    """So many requests of one kind, where they went, and where they would go."""

    requests: int
    method: str
    host: str
    path: str
    before: str
    after: str
    is_certain: bool


def moved(
    requests: Iterable[RecentRequest],
    before: Routed,
    after: Routed,
) -> Steps[list[Moved]]:
    """The requests that would go elsewhere by the table `after`, the most frequent kind first.

    Only names of fields and members are known. A route with a condition on a value is possible where the
    name is there, unless the route that was taken says more.
    """
    found: Counter[tuple[str, str, str, str, str, bool]] = Counter()
    for at, (request, number) in enumerate(Counter(requests).items()):
        kind = _moved(request, before, after)
        if kind is not None:
            found[kind] += number
        if not at % REQUESTS_OF_A_STEP:
            yield
    return [Moved(number, *kind) for kind, number in found.most_common()]


def _moved(
    request: RecentRequest, before: Routed, after: Routed
) -> tuple[str, str, str, str, str, bool] | None:
    """The kind of a request that goes elsewhere; None: it goes where it went."""
    named = _named(request)
    looked = _Way(before, named, Known())
    known = looked.learnt(request.route)
    went = looked if known is None else _Way(before, named, known)
    goes = _Way(after, named, known or Known())
    if went.places == goes.places:
        return None
    path = max(went.path, goes.path)[1]
    said = went.words(goes), goes.words(went)
    certain = went.is_certain and goes.is_certain
    return (request.method, host_name(request.host), path, *said, certain)


def _named(request: RecentRequest) -> NamedRequest:
    has_all = len(request.fields) < MOST_OF_NAMES
    fields = frozenset(request.fields.lower().split(b","))
    host, path = request.host, request.path
    return NamedRequest(request.method, host, path, fields, request.members, has_all)


class _Way:
    """The places that a request may go to by one table, in the order of trial."""

    def __init__(self, routed: Routed, request: NamedRequest, known: Known) -> None:
        self._table, self._catalogue = routed
        self._asked = _Asked(request)
        self._ways: list[tuple[Place, Open]] = []
        #: How specific the route's path is, and the path without its values: that of the first place.
        self.path = (0, _beginning(request.path))
        for found, still_open in choices(self._table.matcher, request, known):
            self._ways.append((self._place(found, is_certain=not still_open), still_open))
        self.places = [place for place, _ in self._ways]
        # Where a condition decides nothing, it is left out.
        while len(self.places) > 1 and self.places[-1] == self.places[-2]._replace(is_certain=True):
            del self.places[-2]

    @property
    def is_certain(self) -> bool:
        return len(self.places) == 1 and self.places[0].is_certain

    def learnt(self, route: str | None) -> Known | None:
        """What a request that took this route says of its values; None: it took another table's."""
        ways = [at for at, (place, _) in enumerate(self._ways) if place.route == route]
        if not ways:
            return None
        failed = (still_open for _, still_open in self._ways[: ways[0]])
        # There may be several ways to one place.
        hold = self._ways[ways[0]][1] if len(ways) == 1 else frozenset()
        return Known(hold, tuple(filter(None, failed)))

    def words(self, other: "_Way") -> str:
        """The places in words, with what tells them from those of the other way."""
        others = {place.name: place for place in other.places}
        told = []
        for at, place in enumerate(self.places):
            text, same = place.name, others.get(place.name)
            if same is not None and same.by != place.by:
                text += f" ({place.by})"
            if place.access is not None and (same is None or same.access != place.access):
                text += f" or {REFUSED}"
            if not place.is_certain:
                text = f"perhaps {text}"
            told.append(f"else {text}" if at and place.is_certain else text)
        return ", ".join(told)

    def _place(self, hit: Hit[Route] | Ambiguous[Route] | None, *, is_certain: bool) -> Place:
        found = self._table.placed(hit, self._asked, lambda: self._catalogue, "")
        route = found.route
        if route is None:
            name = THE_PAGE if self._asked.path == ROOT else NOT_FOUND
            return Place(AMBIGUOUS if found.ambiguity else name, "", None, None, is_certain)
        self._note_path(Match(prefix=route.id) if found.hit is None else found.hit.match)
        return Place(route.id, _does(route), route.policy.access, route.id, is_certain)

    def _note_path(self, match: Match) -> None:
        shape = match.shape
        if not self._ways:
            segments = ("{…}" if one is None else one for one in shape.segments)
            path = "/" + "/".join([*segments, *(["…"] if shape.is_prefix else [])])
            self.path = (2 * len(shape.segments) + (not shape.is_prefix), path)


class _Asked:
    """The request as a table reads it for its discovered routes, which go by the path alone."""

    asked_host = b""
    query = ""
    client_ip = ""
    section = HeaderSection(())

    def __init__(self, request: NamedRequest) -> None:
        self.path = request.path


def _beginning(path: str) -> str:
    """The first segment of a path, which no route takes."""
    first, slash, rest = path[1:].partition("/")
    return f"/{first}/…" if slash and rest else f"/{first}{slash}"


def _does(route: Route) -> str:
    """What a route does with its requests."""
    answer: Any = route.answer
    if answer is None:
        return route.service
    if isinstance(answer, OfWays | ResourceMetadata):
        return f"answer of {', '.join(answer.ways)}"
    return f"{'redirect' if isinstance(answer, Redirect) else 'answer'} {answer.status}"
