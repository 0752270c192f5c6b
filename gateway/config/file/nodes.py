"""The file as a tree whose keys and values know where they stand."""

# The classes are not frozen, since a file has thousands of each, and a frozen one takes twice as long to make.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.config.file.mistakes import Position
from gateway.config.file.scalars import Value

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Scalar:
    """A text as it stands in the file; only a `plain` one, without quotes, can be a number."""

    position: Position
    text: str
    plain: bool


@dataclass(slots=True)
class Items:
    position: Position
    nodes: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """A key of a mapping: where it stands, and its value."""

    position: Position
    node: "Node"


@dataclass(slots=True)
class Mapping:
    position: Position
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Items | Mapping
#: A value of the file: lists are tuples.
Plain = Value | tuple["Plain", ...] | dict[str, "Plain"]


def children(node: Node) -> list[Node]:
    """The values in a list or mapping; there are none in a text."""
    if isinstance(node, Mapping):
        return [entry.node for entry in node.entries.values()]
    return node.nodes if isinstance(node, Items) else []


def node_at(root: Node, path: Iterable[str | int]) -> Node:
    """The value at a path, or the last one on the way to it that there is."""
    node = root
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            node = node.entries[part].node
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.nodes):
            node = node.nodes[part]
        else:
            break
    return node


def key_position(root: Node, path: Sequence[str | int]) -> Position:
    """Where the key stands that a path ends with; for an item of a list, where the item begins."""
    parent = node_at(root, path[:-1])
    last = path[-1] if path else None
    if isinstance(parent, Mapping) and isinstance(last, str) and last in parent.entries:
        return parent.entries[last].position
    return node_at(root, path).position
