"""An operation of a document, and what it says of one request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from middlewares.validate.deciding.bodies import Content, TooDeep
from middlewares.validate.deciding.parameters import Parameter
from middlewares.validate.deciding.styles import Pairs, Raw, in_field, in_path, in_query, pairs_of
from middlewares.validate.deciding.unfit import MOST_TOLD, Unfit

#: How often a parameter may come that has one value.
MOST_VALUES = 64


class Asked(NamedTuple):
    """The parts of a request, as the service sees them.

    `fields` gives the values of a field by its name in lower case. `body` None: it was not read, and is not
    checked.
    """

    query: str
    fields: Callable[[bytes], Sequence[bytes]]
    body: bytes | None
    has_body: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request of one path and method has to be."""

    #: As in `POST /orders/{id}`.
    id: str
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    header: tuple[Parameter, ...] = ()
    cookie: tuple[Parameter, ...] = ()
    content: Content | None = None
    answers: Mapping[str, Content] = field(default_factory=dict)

    def check(self, asked: Asked, values: Mapping[str, str]) -> list[Unfit]:
        """What does not fit; `values` are the raw texts of the path's parameters.

        Raises TooDeep if nothing but the body could be wrong.
        """
        found: list[Unfit] = []
        for parameter in self.path:
            raw = values.get(parameter.name)
            if raw is None:  # the template does not have it
                continue
            read = in_path(parameter.shape, raw)
            if read is None:
                expected = f"a value in the style {parameter.shape.style}"
                found.append(Unfit("path", parameter.name, "", expected))
            else:
                found += parameter.check(read)
        if self.query:
            pairs = pairs_of(asked.query)
            for parameter in self.query:
                found += _check_all(parameter, in_query(parameter.shape, pairs))
        if self.header:
            found += self._check_header(asked)
        if self.cookie:
            found += self._check_cookies(asked)
        if self.content is not None and len(found) < MOST_TOLD:
            try:
                found += self.content.check(asked.body, asked.has_body, asked.fields)
            except TooDeep:
                if not found:
                    raise
        return found[:MOST_TOLD]

    def answer_of(self, status: int) -> Content | None:
        """What the document says of an answer with this status; None: nothing."""
        answers = self.answers
        return (
            answers.get(str(status)) or answers.get(f"{status // 100}XX") or answers.get("default")
        )

    def _check_header(self, asked: Asked) -> list[Unfit]:
        found: list[Unfit] = []
        for parameter in self.header:
            lines = asked.fields(parameter.field)
            if lines:
                text = b", ".join(lines).decode("utf-8", "replace").strip(" \t")
                found += parameter.check(in_field(parameter.shape, text))
            else:
                found += parameter.check_missing()
        return found

    def _check_cookies(self, asked: Asked) -> list[Unfit]:
        text = b"; ".join(asked.fields(b"cookie")).decode("utf-8", "replace")
        pairs = []
        for pair in text.split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            # What stands in a query for a space, stands for itself here.
            pairs.append((name, value.strip('"').replace("+", "%2B")))
        found: list[Unfit] = []
        for parameter in self.cookie:
            found += _check_all(parameter, in_query(parameter.shape, Pairs(pairs)))
        return found


def _check_all(parameter: Parameter, raws: Sequence[Raw]) -> list[Unfit]:
    """What does not fit of the values that a request has for a parameter; each of them has to."""
    if not raws:
        return parameter.check_missing()
    if len(raws) > MOST_VALUES:
        return [Unfit(parameter.place, parameter.name, "", f"at most {MOST_VALUES} values")]
    found: list[Unfit] = []
    for one in raws:
        found += parameter.check(one)
        if len(found) >= MOST_TOLD:
            break
    return found
