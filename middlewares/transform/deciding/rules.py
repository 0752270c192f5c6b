"""Rules by name, for headers and for the members of a query."""

from collections.abc import Iterable
from dataclasses import dataclass

from middlewares.transform.deciding.variables import Template


@dataclass(frozen=True)
class NamedRules:
    """What happens to headers, or to the members of a query, by name.

    First what is renamed, all at once; then what is removed; then what is set, in place of all that has its
    name; then what is added. A text whose variable has no value adds nothing, and what would have been set
    is removed.
    """

    rename: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    set: tuple[tuple[str, Template], ...] = ()
    add: tuple[tuple[str, Template], ...] = ()

    @property
    def templates(self) -> Iterable[Template]:
        return [template for _, template in (*self.set, *self.add)]
