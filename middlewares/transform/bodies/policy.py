"""What a route does to the JSON in bodies, as one frozen value."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from middlewares.transform.bodies.deciding.plans import Step, steps_of
from middlewares.transform.bodies.deciding.rules import Query, Rule, Set
from middlewares.transform.deciding.variables import Template


class Encoded(Enum):
    """What happens to a body that is encoded."""

    #: It is decoded, and encoded again.
    REDO = "redo"
    #: It is decoded, and instances are asked for answers without a coding.
    PLAIN = "plain"
    #: It passes unchanged.
    SKIP = "skip"


@dataclass(frozen=True)
class BodyRules:
    """The rules for the bodies of requests, or of answers, in their order.

    `refuses`: what can't be changed is refused; else it passes unchanged.
    """

    rules: tuple[Rule, ...]
    refuses: bool = False
    encoded: Encoded = Encoded.REDO

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return steps_of(self.rules)

    @cached_property
    def is_queried(self) -> bool:
        """Whether one of the rules is an expression of JMESPath."""
        return any(isinstance(rule, Query) for rule in self.rules)

    @property
    def templates(self) -> Iterator[Template]:
        for rule in self.rules:
            if isinstance(rule, Set):
                yield from rule.value.templates
