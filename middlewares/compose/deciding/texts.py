"""Texts with values of the client's request and of earlier parts, such as {query.page} and {parts.user./id}."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import quote

from discovery.base.steps import Steps, at_once
from middlewares.compose.deciding.json_spans import Span, text_of, value_at
from middlewares.costs.deciding import tokens_of
from middlewares.routing.matching.paths import ambiguous
from middlewares.routing.rewriting import encoded
from middlewares.transform.deciding.variables import Template, Values, Variable, parse_template

PARTS: Final = "parts"
#: A doubled brace stands for itself, as in every template.
_PIECES = re.compile(r"(\{\{|\}\}|\{parts(?:\.[^{}]*)?\})")
_OF_PART = re.compile(r"\{parts\.(?P<part>[a-z][a-z0-9_-]*)(?:\.(?P<pointer>[^{}]*))?\}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class PartValue(NamedTuple):
    """The value at a JSON pointer in the answer of an earlier part; without tokens all of it."""

    part: str
    tokens: tuple[str, ...]

    def __str__(self) -> str:
        pointer = "".join(f"/{one.replace('~', '~0').replace('/', '~1')}" for one in self.tokens)
        return f"{PARTS}.{self.part}.{pointer}" if pointer else f"{PARTS}.{self.part}"


Piece = str | Variable | PartValue


class NoValue(Exception):
    """What a text needs has no value that it may have; `name` is what stands between its braces.

    `detail` says what is wrong with a value that is there.
    """

    def __init__(self, name: str, *, of_client: bool, detail: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        #: Whether the client's request lacks it, and no part's answer.
        self.of_client = of_client


@dataclass(frozen=True, slots=True)
class Known:
    """What the values are taken from: the client's request, and the answers of the parts that came."""

    request: Values
    parts: Mapping[str, Span]
    _found: dict[PartValue, Span | None] = field(default_factory=dict)

    def look_up(self, wanted: Iterable[PartValue]) -> Steps[None]:
        """Find values of parts in steps, after which `span` and `text` have them at once."""
        for one in wanted:
            if one not in self._found:
                whole = self.parts.get(one.part)
                self._found[one] = (
                    None if whole is None else (yield from value_at(whole, one.tokens))
                )

    def span(self, wanted: PartValue) -> Span:
        """The value of a part. Raises NoValue."""
        at_once(self.look_up((wanted,)))
        value = self._found[wanted]
        if value is None:
            raise NoValue(str(wanted), of_client=False)
        return value

    def text(self, wanted: Variable | PartValue) -> str:
        """The value as text. Raises NoValue, also for null, arrays and objects."""
        if isinstance(wanted, PartValue):
            value = text_of(self.span(wanted))
        elif (value := self.request.value(wanted)) is None:
            raise NoValue(str(wanted), of_client=True)
        if value is None:
            raise NoValue(str(wanted), of_client=False)
        return value


@dataclass(frozen=True)
class PartText:
    """A text with values in it, taken apart."""

    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        """The text as the file has it."""
        return "".join(
            one.replace("{", "{{").replace("}", "}}") if isinstance(one, str) else f"{{{one}}}"
            for one in self.pieces
        )

    @cached_property
    def needs(self) -> frozenset[str]:
        """The parts whose values it uses."""
        return frozenset(one.part for one in self.of_parts)

    @property
    def of_parts(self) -> tuple[PartValue, ...]:
        """The values of parts that it uses."""
        return tuple(one for one in self.pieces if isinstance(one, PartValue))

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The values of the client's request that it uses."""
        return tuple(one for one in self.pieces if isinstance(one, Variable))

    @property
    def literals(self) -> tuple[str, ...]:
        """The texts between its values."""
        return tuple(one for one in self.pieces if isinstance(one, str))

    @property
    def only(self) -> PartValue | None:
        """The value of a part that is all of the text; None: it is another text."""
        first = self.pieces[0]
        return first if len(self.pieces) == 1 and isinstance(first, PartValue) else None

    def target(self, known: Known) -> str:
        """The text as a request target: a value in the path stays within its segment, one in the query in its member.

        Raises NoValue, also for values that make another path: an empty one, or one that services could read as
        another one, such as `..`.
        """
        made, last, in_query, of_client = "", "", False, True
        for piece in self.pieces:
            if isinstance(piece, str):
                made += piece
                in_query = in_query or "?" in piece
                continue
            value = known.text(piece)
            if in_query:
                made += quote(value.encode("utf-8", "surrogateescape"), safe="")
            elif not value:
                raise NoValue(str(piece), of_client=isinstance(piece, Variable))
            else:
                made += encoded(value)
                last, of_client = str(piece), of_client and isinstance(piece, Variable)
        if last and (reason := ambiguous(made.partition("?")[0])):
            raise NoValue(last, of_client=of_client, detail=f"with {{{last}}}, {reason}")
        return made

    def field(self, known: Known) -> bytes:
        """The text as the value of a header field: control characters are percent-encoded. Raises NoValue."""
        made = ""
        for piece in self.pieces:
            made += piece if isinstance(piece, str) else _one_line(known.text(piece))
        return made.strip(" \t").encode("utf-8", "surrogateescape")

    def plain(self, known: Known) -> str:
        """The text as it is, without bytes that are not UTF-8. Raises NoValue."""
        made = ""
        for piece in self.pieces:
            made += piece if isinstance(piece, str) else known.text(piece)
        return made.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parse_text(text: str, parse: Callable[[str], Template] = parse_template) -> PartText:
    """Take a text apart; `parse` does it with what stands beside values of parts. Raises ValueError."""
    pieces: list[Piece] = []
    beside = ""
    for piece in _PIECES.split(text):
        if piece.startswith("{" + PARTS):
            pieces += parse(beside).pieces if beside else ()
            beside = ""
            pieces.append(_value_of_part(piece))
        else:
            beside += piece
    pieces += parse(beside).pieces if beside else ()
    return PartText(tuple(pieces) or ("",))


def _value_of_part(text: str) -> PartValue:
    found = _OF_PART.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} must name a part and a JSON pointer, such as {{parts.user./id}}")
    try:
        return PartValue(found["part"], tokens_of(found["pointer"] or ""))
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from None


def _one_line(text: str) -> str:
    return _CONTROLS.sub(lambda found: quote(found[0], safe=""), text)
