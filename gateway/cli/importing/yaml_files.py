"""Reads YAML of other programs, which has merge keys and tags that our own files refuse.

PyYAML's scanner finds the nodes; no value is made of any, so that no tag is obeyed and no alias copied.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from gateway.cli.importing.model import Place, Unreadable
from gateway.cli.importing.tree import MAX_DEPTH, MAX_NODES, Entry, Items, Node, Table, Text

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


def from_yaml(text: str, file: str) -> Table:
    """The file's mapping. Unreadable: it is not YAML, is no mapping, or is too deep or too large."""
    try:
        _check_bounds(text, file)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        problem = " ".join(filter(None, (error.context, error.problem)))
        place = _placed(error.problem_mark, file)
        lines = text.splitlines() or [""]
        if place.line > len(lines):  # behind the end
            place = Place(file, len(lines), len(lines[-1]) + 1)
        raise Unreadable(place, f"not YAML: {problem}") from None
    except yaml.YAMLError as error:
        at = min(getattr(error, "position", None) or 0, len(text))
        before = text[:at]
        place = Place(file, before.count("\n") + 1, at - before.rfind("\n"))
        raise Unreadable(place, "not YAML: a character that YAML does not allow") from None
    node = Table(Place(file, 1)) if root is None else _Converter(file).convert(root)
    if not isinstance(node, Table):
        raise Unreadable(node.place, "the file must be a mapping")
    return node


def _check_bounds(text: str, file: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise Unreadable(_placed(event.start_mark, file), f"more than {MAX_DEPTH} levels")
        if count > MAX_NODES:
            raise Unreadable(_placed(event.start_mark, file), f"more than {MAX_NODES:,} values")


def _placed(mark: Any, file: str) -> Place:
    return Place(file, 1) if mark is None else Place(file, mark.line + 1, mark.column + 1)


class _Converter:
    """Makes our tree of PyYAML's; what an alias repeats is one and the same node."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._known: dict[int, Node | None] = {}
        self._entries = 0

    def convert(self, node: Any) -> Node:
        if id(node) in self._known:
            known = self._known[id(node)]
            if known is None:
                place = _placed(node.start_mark, self._file)
                raise Unreadable(place, "an alias stands within its own value")
            return known
        self._known[id(node)] = None
        made = self._made(node)
        self._known[id(node)] = made
        return made

    def _made(self, node: Any) -> Node:
        place = _placed(node.start_mark, self._file)
        if isinstance(node, yaml.ScalarNode):
            return Text(place, "" if node.tag == _NULL else node.value)
        if isinstance(node, yaml.SequenceNode):
            return Items(place, [self.convert(one) for one in node.value])
        table = Table(place)
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            at = _placed(key.start_mark, self._file)
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(at, "a key must be a text")
            if key.tag == _MERGE:
                for other in self._merged(self.convert(value)):
                    merged = other.entries | merged
            else:
                table.entries[key.value] = Entry(at, self.convert(value))
        table.entries.update({key: one for key, one in merged.items() if key not in table.entries})
        self._entries += len(table.entries)
        if self._entries > MAX_NODES:
            raise Unreadable(
                place, f"with its merge keys the file has more than {MAX_NODES:,} values"
            )
        return table

    def _merged(self, node: Node) -> Iterator[Table]:
        nodes: Sequence[Node] = node.nodes if isinstance(node, Items) else [node]
        return (one for one in nodes if isinstance(one, Table))
