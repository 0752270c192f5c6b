"""What a route changes in requests and in answers, as frozen values."""

from dataclasses import dataclass
from functools import cached_property

from middlewares.transform.bodies.policy import BodyRules
from middlewares.transform.deciding.fields import FieldPlan
from middlewares.transform.deciding.query import QueryPlan
from middlewares.transform.deciding.variables import Template, Variable


@dataclass(frozen=True)
class RequestRules:
    """What is changed in a request before an instance gets it.

    `path` takes the place of the whole path, after the route's own rewrite.
    """

    headers: FieldPlan | None = None
    query: QueryPlan | None = None
    path: Template | None = None
    bodies: BodyRules | None = None

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """The variables that what the instance gets depends on."""
        templates = [] if self.path is None else [self.path]
        for plan in (self.headers, self.query):
            templates += [] if plan is None else plan.rules.templates
        templates += [] if self.bodies is None else self.bodies.templates
        return frozenset(variable for one in templates for variable in one.variables)


@dataclass(frozen=True)
class ResponseRules:
    """What is changed in an answer before the client gets it.

    `errors`: the rules for headers hold for the gateway's own errors too.
    """

    headers: FieldPlan | None = None
    errors: bool = False
    bodies: BodyRules | None = None

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """The variables that what the client gets depends on."""
        templates = [] if self.headers is None else [*self.headers.rules.templates]
        templates += [] if self.bodies is None else self.bodies.templates
        return frozenset(variable for one in templates for variable in one.variables)
