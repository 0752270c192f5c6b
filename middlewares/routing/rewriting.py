"""What a route makes of a request's path before an instance sees it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from middlewares.routing.matching.matcher import Hit
from middlewares.routing.matching.paths import behind, segments

_VALUE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_REST = "rest"
#: What may stand in a segment as it is (RFC 3986 §3.3), but for the semicolon, where some servers cut.
_OF_A_SEGMENT = "!$&'()*+,=:@"
_NOT_IN_A_PATH = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9/._~!$&'()*+,=:@;%-]")
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class ToPath:
    """Another path for the whole of it; `{id}` stands for a value, `{rest}` for what follows the prefix."""

    text: str

    @property
    def names(self) -> frozenset[str]:
        """The names in it that the route's template has to have."""
        return frozenset(_VALUE.findall(self.text)) - {_REST}

    def apply(self, path: str, hit: Hit[Any]) -> str:
        pieces = _VALUE.split(self.text)
        values = hit.values
        made = literal(pieces[0])
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in values:
                made += encoded(values[name])
            else:
                rest = without_controls(hit.rest)
                made += rest[1:] if made.endswith("/") else rest
            made += literal(text)
        return made


@dataclass(frozen=True, slots=True)
class Strip:
    """The path without this beginning; one that begins differently stays as it is."""

    prefix: str

    def apply(self, path: str, hit: Hit[Any]) -> str:
        taken = segments(self.prefix)
        depth = len(taken) if taken[-1] else len(taken) - 1
        if segments(path)[:depth] != taken[:depth]:
            return without_controls(path)
        return without_controls(behind(path, depth)) or "/"


@dataclass(frozen=True, slots=True)
class ToPrefix:
    """Another beginning in place of the prefix that matched."""

    prefix: str

    def apply(self, path: str, hit: Hit[Any]) -> str:
        return literal(self.prefix).rstrip("/") + without_controls(hit.rest) or "/"


Rewrite = ToPath | Strip | ToPrefix


def rewritten(target: str, hit: Hit[Any], rewrite: Rewrite | None) -> str:
    """The target for the instance; the query stays as it is, and without a rewrite everything does."""
    if rewrite is None:
        return target
    path, mark, query = target.partition("?")
    return rewrite.apply(path, hit) + mark + query


def encoded(value: str) -> str:
    """A decoded value as part of one segment: nothing in it parts segments or ends the path."""
    return quote(value.encode("utf-8", "surrogateescape"), safe=_OF_A_SEGMENT)


def literal(text: str) -> str:
    """A path of the configuration; what may not stand in one is encoded, escapes stay."""
    return _NOT_IN_A_PATH.sub(lambda found: quote(found[0], safe=""), text)


def without_controls(raw: str) -> str:
    """Bytes of a path as they came; spaces and control characters, which end a request line, are encoded."""
    return _CONTROLS.sub(lambda found: quote(found[0], safe=""), raw)
