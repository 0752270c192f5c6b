"""Routes in a tree by the segments of their paths: the search goes down with the request's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter
from typing import Generic, TypeVar

from discovery.base.steps import ITEMS_OF_A_STEP, Steps
from middlewares.routing.matching.conditions import Conditions, Request, differing
from middlewares.routing.matching.likeness import alike
from middlewares.routing.matching.match import Match

T = TypeVar("T")

_RANK = attrgetter("rank")
#: So that a path that nobody knows costs no more than a tenth of a millisecond.
_MOST_COMPARED = 50


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A route in the tree; of two that take a request, the one with the lower `rank` wins."""

    rank: int
    route: T
    match: Match
    #: Where the values of its template stand in the path.
    names: tuple[tuple[str, int], ...]
    #: How many segments its prefix has; None for an exact path or a template.
    depth: int | None
    headers: Conditions
    query: Conditions
    #: Whether its host and path decide alone.
    is_free: bool

    def takes(self, request: Request) -> bool:
        """Whether the conditions hold; those on headers don't count for a CORS preflight."""
        methods = self.match.methods
        if methods is not None and request.method not in methods:
            return False
        headers = () if request.is_preflight else self.headers
        if headers and differing(headers, request.fields) is not None:
            return False
        return not self.query or differing(self.query, request.members) is None


@dataclass(slots=True)
class Node(Generic[T]):
    """What the paths have in common that begin with the same segments; the root has the empty one."""

    literals: dict[str, "Node[T]"] = field(default_factory=dict)
    #: The child for a template's value: any segment that is not empty.
    wildcard: "Node[T] | None" = None
    #: The routes whose path ends here, by rank.
    here: list[Entry[T]] = field(default_factory=list)
    #: The routes whose prefix ends here, by rank.
    below: list[Entry[T]] = field(default_factory=list)
    #: `below` of this node and of those above it, the nearest first. There is no link to a node above:
    #: a tree without circles is freed at once when nobody has it any more.
    prefixes: tuple[list[Entry[T]], ...] = ()

    def add(self, segments: Sequence[str | None], entry: Entry[T], *, is_prefix: bool) -> None:
        """Add a route to the tree of this root; they have to come in the order of their ranks."""
        node = self
        for segment in segments:
            if segment is None:
                if node.wildcard is None:
                    node.wildcard = Node()
                node = node.wildcard
            else:
                child = node.literals.get(segment)
                if child is None:
                    child = node.literals[segment] = Node()
                node = child
        (node.below if is_prefix else node.here).append(entry)

    def finish(self) -> Steps[None]:
        """Tell the nodes of the prefixes above them, once all routes are there."""
        above: list[tuple[Node[T], tuple[list[Entry[T]], ...]]] = [(self, ())]
        done = 0
        while above:
            node, prefixes = above.pop()
            node.prefixes = (node.below, *prefixes) if node.below else prefixes
            # Prefixes have no values, so there are none below `wildcard` either.
            above += ((child, node.prefixes) for child in node.literals.values())
            done += 1
            if not done % ITEMS_OF_A_STEP:
                yield

    def all(self) -> "Iterator[Node[T]]":
        """This node and all below it, each before its children."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.literals.values()
            if node.wildcard is not None:
                waiting.append(node.wildcard)

    def reach(self, segments: Sequence[str]) -> list[Sequence[Entry[T]]]:
        """The routes that take a path with these segments, group by group in the order of trial."""
        # Prefixes have no values, so that all of those that take the path are on the first way down.
        node = self
        found: list[Sequence[Entry[T]]] = []
        branches: list[tuple[Node[T], int]] = []
        for depth, segment in enumerate(segments, 1):
            if node.wildcard is not None and segment:
                branches.append((node.wildcard, depth))
            child = node.literals.get(segment)
            if child is None:
                break
            node = child
        else:
            if node.here:
                found.append(node.here)
        if branches:
            found += _ends(branches, segments)
            if len(found) > 1:  # which of them is first does not show in the tree
                found = [sorted(chain.from_iterable(found), key=_RANK)]
        found += node.prefixes
        return found

    def deepest(self, segments: Sequence[str]) -> tuple["Node[T]", int]:
        """How much a path shares with the tree, and the node there; literals come before values.

        A segment counts twice, and one that is mistyped once.
        """
        node, shared = self, 0
        for segment in segments:
            child = node.literals.get(segment) or (node.wildcard if segment else None)
            if child is not None:
                shared += 2
            else:
                child = node.meant_by(segment)
                if child is None:
                    break
                shared += 1
            node = child
        return node, shared

    def meant_by(self, segment: str) -> "Node[T] | None":
        """The child of which a segment is probably the mistyped name; only some children are looked at."""
        for name, child in islice(self.literals.items(), _MOST_COMPARED):
            if alike(segment, name):
                return child
        return None

    def some(self) -> Entry[T] | None:
        """A route at or below this node, without a search; None in an empty tree."""
        node: Node[T] | None = self
        while node is not None:
            for entry in (*node.here[:1], *node.below[:1]):
                return entry
            node = next(iter(node.literals.values()), node.wildcard)
        return None


def _ends(branches: list[tuple[Node[T], int]], segments: Sequence[str]) -> list[Sequence[Entry[T]]]:
    """The routes at the end of each way that has a template's value in it."""
    ends: list[Sequence[Entry[T]]] = []
    while branches:
        node, depth = branches.pop()
        for segment in segments[depth:]:
            depth += 1
            if node.wildcard is not None and segment:
                branches.append((node.wildcard, depth))
            child = node.literals.get(segment)
            if child is None:
                break
            node = child
        else:
            if node.here:
                ends.append(node.here)
    return ends
