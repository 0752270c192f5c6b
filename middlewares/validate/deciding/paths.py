"""The paths of a document as a tree of segments: which operation a request asks for."""

import re
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

O = TypeVar("O")  # noqa: E741

_PARAMETER = re.compile(r"\{([^{}]*)\}")
MOST_SEGMENTS = 64


class Match(NamedTuple, Generic[O]):
    """The operation, and the raw texts of the path's parameters."""

    operation: O
    values: dict[str, str]


class _Node(Generic[O]):
    __slots__ = ("literal", "operations", "templates")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[O]] = {}
        #: A pattern (None: the whole segment), the names of its groups, and what follows.
        self.templates: list[tuple[re.Pattern[str] | None, tuple[str, ...], _Node[O]]] = []
        self.operations: dict[str, O] = {}


class Paths(Generic[O]):
    """Finds operations; a literal segment goes before a template, as OpenAPI says."""

    def __init__(self) -> None:
        self._root: _Node[O] = _Node()

    def add(self, template: str, method: str, operation: O) -> None:
        """Add an operation; the method in upper case."""
        node = self._root
        for segment in template.strip("/").split("/") if template != "/" else ():
            node = _below(node, segment)
        if template.endswith("/") and template != "/":
            node = node.literal.setdefault("", _Node())
        node.operations[method] = operation

    def find(self, method: str, path: str) -> Match[O] | None:
        """The operation of a raw path without its query; None: the document has none."""
        segments = path[1:].split("/") if path != "/" else []
        if len(segments) > MOST_SEGMENTS:
            return None
        found = self._search(self._root, segments, 0, method)
        if found is None:
            return None
        operation, taken = found
        return Match(operation, dict(reversed(taken)))

    def _search(
        self, node: _Node[O], segments: Sequence[str], index: int, method: str
    ) -> tuple[O, list[tuple[str, str]]] | None:
        if index == len(segments):
            operation = node.operations.get(method)
            if operation is None and method == "HEAD":
                operation = node.operations.get("GET")
            return None if operation is None else (operation, [])
        segment = segments[index]
        below = node.literal.get(unquote(segment) if "%" in segment else segment)
        if below is not None:
            found = self._search(below, segments, index + 1, method)
            if found is not None:
                return found
        if not segment:
            return None
        for pattern, names, after in node.templates:
            if pattern is None:
                values: Sequence[str] = (segment,)
            elif (match := pattern.fullmatch(segment)) is not None:
                values = match.groups()
            else:
                continue
            found = self._search(after, segments, index + 1, method)
            if found is not None:
                found[1].extend(zip(names, values, strict=True))
                return found
        return None


def _below(node: _Node[O], segment: str) -> _Node[O]:
    """The node behind a segment of a template, made if it is new."""
    names = tuple(_PARAMETER.findall(segment))
    if not names:
        return node.literal.setdefault(unquote(segment), _Node())
    pattern = None
    if segment != f"{{{names[0]}}}":
        pattern = _pattern(segment)
    for known, known_names, after in node.templates:
        if (known, known_names) == (pattern, names):
            return after
    after = _Node[O]()
    node.templates.append((pattern, names, after))
    # Those with literal text in them are more specific.
    node.templates.sort(key=lambda one: one[0] is None)
    return after


def _pattern(segment: str) -> re.Pattern[str]:
    """A pattern without choices that could be tried in turn: a value ends where the next text begins."""
    pieces = _PARAMETER.split(segment)
    made = re.escape(pieces[0])
    for text in pieces[2::2]:
        made += f"((?:(?!{re.escape(text)}).)+){re.escape(text)}" if text else "(.+)"
    return re.compile(made, re.DOTALL)
