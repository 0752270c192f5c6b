"""What a route changes in requests and in answers, as frozen values."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from middlewares.transform.deciding.variables import Template, Variable


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
        return (template for _, template in chain(self.set, self.add))


NO_RULES = NamedRules()


@dataclass(frozen=True)
class RequestRules:
    """What is changed in a request before an instance gets it.

    `path` takes the place of the whole path, after the route's own rewrite.
    """

    headers: NamedRules = NO_RULES
    query: NamedRules = NO_RULES
    path: Template | None = None

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """The variables that what the instance gets depends on."""
        paths = () if self.path is None else (self.path,)
        templates = chain(self.headers.templates, self.query.templates, paths)
        return frozenset(variable for one in templates for variable in one.variables)


@dataclass(frozen=True)
class ResponseRules:
    """What is changed in an answer before the client gets it.

    `errors`: the rules for headers hold for the gateway's own errors too.
    """

    headers: NamedRules = NO_RULES
    errors: bool = False

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """The variables that what the client gets depends on."""
        return frozenset(
            variable for template in self.headers.templates for variable in template.variables
        )
