"""Texts with variables such as {subject}, and how a value is encoded for the place where it lands."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

from middlewares.routing.rewriting import encoded, literal

#: Variables that stand alone, and those with a name behind a dot.
PLAIN: Final = ("client_ip", "correlation_id", "subject", "service", "version", "method")
NAMED: Final = ("claim", "path", "query", "header")
#: Of the path: what it has behind the prefix of the route.
REST: Final = "rest"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
#: A doubled brace stands for itself; all else between two braces is a variable.
_PIECES = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_OTHER_THAN_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
#: Names of headers that any client may write, and what says the same for certain.
_CLAIMS: Final = (
    ("x-auth-", "{subject} or {claim.NAME}"),
    ("x-forwarded-", "{client_ip}"),
    ("forwarded", "{client_ip}"),
    ("client-cert", "{subject}"),
)


class UnknownVariable(ValueError):
    """There is no variable of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no variable {{{name}}}")
        self.name = name


class Variable(NamedTuple):
    """A variable: its kind, and the name behind the dot where its kind has names.

    Names of headers are in lower case.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind


class Values(Protocol):
    """The values of one request's variables; bytes that are not UTF-8 are surrogates in them."""

    def value(self, variable: Variable) -> str | None:
        """The value; None if the request has none."""
        ...


class _NoValues:
    def value(self, variable: Variable) -> str | None:
        raise AssertionError("a text without variables asks for none")


#: For texts without variables.
NO_VALUES: Final[Values] = _NoValues()


class Landing(Enum):
    """Where a value lands, and so how it is encoded."""

    #: A header's value: control characters but tabs are percent-encoded, and spaces at the ends are cut off.
    HEADER = auto()
    #: A query member: all but letters, digits and `-._~` is percent-encoded.
    QUERY = auto()
    #: A path: values are percent-encoded so that none parts segments; `{path.rest}` stays as it came.
    PATH = auto()
    #: Text of JSON, which its writer escapes: surrogates become U+FFFD.
    JSON = auto()


@dataclass(frozen=True)
class Template:
    """A text with variables in it, taken apart; one without variables always gives the same text."""

    pieces: tuple[str | Variable, ...]

    def __str__(self) -> str:
        """The text as a file has it."""
        return "".join(
            f"{{{one}}}" if isinstance(one, Variable) else one.replace("{", "{{").replace("}", "}}")
            for one in self.pieces
        )

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Its variables, each once, in their order."""
        return tuple(dict.fromkeys(one for one in self.pieces if isinstance(one, Variable)))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of its variables, such as `claim.role`."""
        return frozenset(map(str, self.variables))

    @property
    def literals(self) -> tuple[str, ...]:
        """The texts between its variables."""
        return tuple(one for one in self.pieces if isinstance(one, str))

    @cached_property
    def _fixed(self) -> dict[Landing, str]:
        """What it is without variables, by landing."""
        return {}

    def missing(self, values: Values) -> tuple[Variable, ...]:
        """The variables that have no value."""
        return tuple(one for one in self.variables if values.value(one) is None)

    def fill(self, values: Values, landing: Landing) -> str | None:
        """The text with the values, encoded for where it lands; None if one of them is missing.

        In a header, surrogates stand for bytes that are not UTF-8.
        """
        if not self.variables:
            fixed = self._fixed.get(landing)
            if fixed is None:
                fixed = self._fixed[landing] = _whole(self.pieces, landing, None) or ""
            return fixed
        return _whole(self.pieces, landing, values)


def _whole(
    pieces: tuple[str | Variable, ...], landing: Landing, values: Values | None
) -> str | None:
    made = ""
    for piece in pieces:
        if isinstance(piece, str):
            made += _OF_LITERALS[landing](piece)
            continue
        assert values is not None
        value = values.value(piece)
        if value is None:
            return None
        if landing is Landing.PATH and piece == _THE_REST:
            made = made.removesuffix("/") if value.startswith("/") else made
            made += value
        else:
            made += _OF_VALUES[landing](value)
    return made.strip(" \t") if landing is Landing.HEADER else made


def encoded_for(landing: Landing, value: str) -> str:
    """One value, encoded for where it lands."""
    return _OF_VALUES[landing](value)


def parse_template(text: str) -> Template:
    """Take a text with variables apart; `{{` and `}}` stand for a brace. Raises ValueError."""
    pieces: list[str | Variable] = []
    literals = ""
    for piece in _PIECES.split(text):
        if piece in ("{{", "}}"):
            literals += piece[0]
        elif piece == "{":
            raise ValueError("has a { that no } closes; {{ stands for a brace itself")
        elif piece == "}":
            raise ValueError("has a } without a { before it; }} stands for a brace itself")
        elif piece.startswith("{"):
            if literals:
                pieces.append(literals)
                literals = ""
            pieces.append(_variable(piece[1:-1]))
        else:
            literals += piece
    if literals or not pieces:
        pieces.append(literals)
    return Template(tuple(pieces))


def _variable(text: str) -> Variable:
    kind, dot, name = text.partition(".")
    if not dot and kind in PLAIN:
        return Variable(kind)
    if kind not in NAMED:
        raise UnknownVariable(text)
    if not name:
        raise ValueError(f"{{{text}}} lacks a name: write {{{kind}.NAME}}")
    if kind == "header":
        return Variable(kind, _header(name))
    if kind == "path" and not _PATH_NAME.fullmatch(name):
        raise ValueError(f"{{{text}}} must name a part of match.path, such as {{path.id}}")
    if _CONTROLS.search(name) or _SURROGATES.search(name):
        raise ValueError(f"{{{kind}.…}} must have a name without control characters")
    return Variable(kind, name)


def _header(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{{header.{name}}} must name a header, such as {{header.X-Plan}}")
    lower = name.lower()
    read_as = lower.replace("_", "-")
    for claim, instead in _CLAIMS:
        if read_as.startswith(claim):
            raise ValueError(
                f"{{header.{name}}} is what any client may claim; use {instead} in its place"
            )
    return lower


def _as_json(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _in_header(text: str) -> str:
    return _OTHER_THAN_TAB.sub(lambda found: quote(found[0], safe=""), text)


def _in_query(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def _as_it_is(text: str) -> str:
    return text


_THE_REST = Variable("path", REST)
_OF_VALUES: dict[Landing, Callable[[str], str]] = {
    Landing.HEADER: _in_header,
    Landing.QUERY: _in_query,
    Landing.PATH: encoded,
    Landing.JSON: _as_json,
}
_OF_LITERALS: dict[Landing, Callable[[str], str]] = {
    Landing.HEADER: _as_it_is,
    Landing.QUERY: _in_query,
    Landing.PATH: literal,
    Landing.JSON: _as_it_is,
}
