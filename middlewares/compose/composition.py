"""What the file says of a composition, as frozen values."""

from dataclasses import dataclass, field
from functools import cached_property

from middlewares.compose.deciding.json_texts import JsonText
from middlewares.compose.deciding.texts import PartText, PartValue
from middlewares.routing.route import OfServices, Route
from middlewares.version_ranges import VersionRange

#: No answer of a part may be larger.
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """One request of a composition.

    `route` says where it goes: to its service, by that service's policies, and `versions` to which of its versions
    (None: any). `take` leads to the value in its
    answer that is used, `into` to the place that this gets. `passes` are the names (lower-case) of fields of its
    answer that the client gets, and `passes_query` members of the client's query that it gets. Without `optional`
    there is no answer without it.
    """

    name: str
    route: Route
    target: PartText
    into: tuple[str, ...]
    method: str = "GET"
    fields: tuple[tuple[bytes, PartText], ...] = ()
    body: JsonText | None = None
    timeout_s: float = 5.0
    optional: bool = False
    take: tuple[str, ...] = ()
    passes: frozenset[bytes] = frozenset()
    passes_query: tuple[str, ...] = ()
    versions: VersionRange | None = None

    @cached_property
    def needs(self) -> frozenset[str]:
        """The parts whose values it uses; it is asked once they have answered."""
        return frozenset(one.part for one in self.values)

    @cached_property
    def values(self) -> frozenset[PartValue]:
        """The values of other parts that it uses."""
        texts = [self.target, *(text for _, text in self.fields)]
        if self.body is not None:
            texts += self.body.texts()
        return frozenset[PartValue]().union(*(text.of_parts for text in texts))


@dataclass(frozen=True)
class Composition(OfServices):
    """An answer that is put together from the answers of its parts, which are in the order of the file.

    `marks` is where the body says which parts are missing; None: it does not.
    """

    parts: tuple[Part, ...]
    status: int = 200
    fields: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] | None = field(default=None)
