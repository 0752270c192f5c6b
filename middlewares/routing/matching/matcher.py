"""Finds the configured route that takes a request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, Generic, NamedTuple, TypeVar

from discovery.base.steps import ITEMS_OF_A_STEP, Steps, at_once, slices
from middlewares.routing.matching.conditions import Request, Section, compiled
from middlewares.routing.matching.match import Match, Shape, host_name, wildcard_suffix
from middlewares.routing.matching.nearest import Nearest, nearest
from middlewares.routing.matching.order import group_of, in_order, shadows
from middlewares.routing.matching.paths import ambiguous, behind, is_plain, segments
from middlewares.routing.matching.readings import readings
from middlewares.routing.matching.tree import Entry, Node

T = TypeVar("T")

_DOTS: Final = frozenset((".", ".."))


class Hit(NamedTuple, Generic[T]):
    """The route that takes a request; what else the path says is found out when it is asked for."""

    route: T
    entry: Entry[T]
    path: str
    segments: Sequence[str]

    @property
    def match(self) -> Match:
        return self.entry.match

    @property
    def values(self) -> Mapping[str, str]:
        """The values of the route's template, decoded."""
        return {name: self.segments[at] for name, at in self.entry.names}

    @property
    def rest(self) -> str:
        """The raw path behind the route's prefix: empty, or with a slash at its beginning."""
        depth = self.entry.depth
        return "" if depth is None else behind(self.path, depth)


class Ambiguous(NamedTuple, Generic[T]):
    """A service could read the path as one that `route` takes; `reason` is for the client.

    Of several such routes it is the most exact one. `decided_by` is a route that takes the path if its
    conditions hold, so that no later one takes it as it is.
    """

    reason: str
    route: T
    entry: Entry[T]
    decided_by: Entry[T] | None = None


class Matcher(Generic[T]):
    """The configured routes; it never changes once it is made.

    Raises ValueError for a path or prefix that parse_path or parse_prefix refuses.
    """

    def __init__(self, routes: Sequence[tuple[Match, T]]) -> None:
        at_once(self._add(routes))

    @classmethod
    def building(cls, routes: Sequence[tuple[Match, T]]) -> "Steps[Matcher[T]]":
        """Make one in steps, since thousands of routes take a while."""
        matcher = cls.__new__(cls)
        yield from matcher._add(routes)
        return matcher

    def _add(self, routes: Sequence[tuple[Match, T]]) -> Steps[None]:
        shapes: list[tuple[Match, Shape]] = []
        for some in slices(routes):
            shapes += [(match, match.shape) for match, _ in some]
            yield
        self._order: list[tuple[Shape, Entry[T]]] = []
        exact: dict[str, Node[T]] = {}
        suffixes: dict[str, Node[T]] = {}
        any_host: Node[T] = Node()
        #: All routes, whatever their host.
        self._everywhere: Node[T] = Node()
        places = yield from in_order(shapes)
        for rank, place in enumerate(places):
            if not rank % ITEMS_OF_A_STEP:
                yield
            match, shape = shapes[place]
            entry = _entry(rank, routes[place][1], match, shape)
            self._order.append((shape, entry))
            tree = any_host
            if match.host is not None:
                suffix = wildcard_suffix(match.host)
                if suffix is None:
                    tree = exact.setdefault(host_name(match.host), Node())
                else:
                    tree = suffixes.setdefault(suffix, Node())
            tree.add(shape.segments, entry, is_prefix=shape.is_prefix)
            self._everywhere.add(shape.segments, entry, is_prefix=shape.is_prefix)
        self._trees = (*exact.values(), *suffixes.values(), any_host, self._everywhere)
        for tree in self._trees:
            yield from tree.finish()
            yield
        self._deepest_suffix = max((suffix.count(".") + 1 for suffix in suffixes), default=0)
        # The trees of a host in their order, and those of hosts below a suffix.
        self._any_host: tuple[Node[T], ...] = (any_host,) if any_host.some() is not None else ()
        self._suffixes: dict[str, tuple[Node[T], ...]] = {}
        for suffix in sorted(suffixes, key=len):
            self._suffixes[suffix] = (suffixes[suffix], *self._below_suffix(suffix))
        self._exact = {host: (exact[host], *self._below_suffix(host)) for host in exact}
        self._some_as_is = any(match.as_is for match, _ in routes)

    def find(
        self, host: bytes | str, path: str, method: str, section: Section, query: str
    ) -> Hit[T] | Ambiguous[T] | None:
        """Find the route of a request; None if no configured route takes it.

        `host` is the value of Host or the authority of an absolute form, `path` is raw and without the
        query. The fields and the query are read only if a route has conditions on them.
        """
        trees = self._trees_of(host)
        if not trees or path[:1] != "/":  # OPTIONS *, for example
            return None
        if is_plain(path):
            parts = path[1:].split("/")
        else:
            reason = ambiguous(path)
            if reason is not None:
                asked = Request(method, section, query)
                return self._ambiguous(trees, path, lambda entry: entry.takes(asked), reason)
            parts = segments(path)
        request: Request | None = None
        for tree in trees:
            for group in tree.reach(parts):
                for entry in group:
                    if not entry.is_free:
                        if request is None:
                            request = Request(method, section, query)
                        if not entry.takes(request):
                            continue
                    return Hit(entry.route, entry, path, parts)
        return None

    def search(
        self, host: bytes | str, path: str, takes: Callable[[Entry[T]], bool]
    ) -> Hit[T] | Ambiguous[T] | None:
        """Find the first route with this host and path that `takes` says yes to."""
        trees = self._trees_of(host)
        if not trees or path[:1] != "/":
            return None
        reason = ambiguous(path)
        if reason is not None:
            return self._ambiguous(trees, path, takes, reason)
        parts = segments(path)
        for tree in trees:
            for group in tree.reach(parts):
                for entry in group:
                    if takes(entry):
                        return Hit(entry.route, entry, path, parts)
        return None

    def _ambiguous(
        self,
        trees: tuple[Node[T], ...],
        path: str,
        takes: Callable[[Entry[T]], bool],
        reason: str,
    ) -> Hit[T] | Ambiguous[T] | None:
        """Find a route that takes the path as it is; else the one that a service could read in it."""
        if self._some_as_is:
            parts = segments(path)
            for tree in trees:
                for group in tree.reach(parts):
                    for entry in group:
                        if not takes(entry) or _has_dots(entry, parts):
                            continue
                        if entry.match.as_is:
                            return Hit(entry.route, entry, path, parts)
                        return self._of_readings(trees, path, reason, entry)
        return self._of_readings(trees, path, reason, None)

    def _of_readings(
        self, trees: tuple[Node[T], ...], path: str, reason: str, decided_by: Entry[T] | None
    ) -> Ambiguous[T] | None:
        read = readings(path)
        found: list[Entry[T]] = []
        for tree in trees:
            if read is None:  # too many to be looked at: the path is refused
                some = tree.some()
                found += [] if some is None else [some]
            for reading in read or ():
                found += [group[0] for group in tree.reach(reading[1:].split("/"))[:1]]
        if not found:
            return None
        most_exact = min(found, key=attrgetter("rank"))
        return Ambiguous(reason, most_exact.route, most_exact, decided_by)

    def may_take(self, path: str) -> bool:
        """Whether some route could take a path, on some host and with some fields."""
        return bool(self._everywhere.reach(segments(path)))

    def nearest(
        self, host: bytes | str, path: str, method: str, section: Section, query: str
    ) -> Nearest[T] | None:
        """Guess the route that a request without one was meant for."""
        request = Request(method, section, query)
        return nearest(self._trees_of(host), self._everywhere, segments(path), request)

    def parts(self) -> Iterator[object]:
        """What it is made of, each node before those below it: freed one by one, none takes long."""
        for tree in self._trees:
            yield from tree.all()
        yield from self._order

    def order(self) -> list[T]:
        """The routes in the order in which they are tried."""
        return [entry.route for _, entry in self._order]

    def unreachable(self) -> list[tuple[T, T]]:
        """The routes that never get a request, each with an earlier one that takes all of them."""
        groups: dict[object, list[Entry[T]]] = {}
        found = []
        for shape, entry in self._order:
            group = groups.setdefault(group_of(entry.match, shape), [])
            by = next((other for other in group if shadows(other.match, entry.match)), None)
            if by is None:
                group.append(entry)
            else:
                found.append((entry.route, by.route))
        return found

    def _trees_of(self, host: bytes | str) -> tuple[Node[T], ...]:
        """The trees for a host, the most exact one first."""
        name = host_name(host)
        return self._exact.get(name) or self._below_suffix(name)

    def _below_suffix(self, name: str) -> tuple[Node[T], ...]:
        """The trees for a host that has none of its own."""
        trees = self._any_host
        at = len(name)
        for _ in range(self._deepest_suffix):
            at = name.rfind(".", 0, at)
            if at <= 0:
                break
            trees = self._suffixes.get(name[at + 1 :], trees)
        return trees


def _entry(rank: int, route: T, match: Match, shape: Shape) -> Entry[T]:
    return Entry(
        rank,
        route,
        match,
        shape.names,
        depth=len(shape.segments) if shape.is_prefix else None,
        headers=compiled(match.headers, lower=True),
        query=compiled(match.query, lower=False),
        is_free=match.methods is None and not match.headers and not match.query,
    )


def _has_dots(entry: Entry[T], parts: Sequence[str]) -> bool:
    """Whether a value would be a segment of dots, which can't be encoded as anything else."""
    return any(parts[at] in _DOTS for _, at in entry.names)
