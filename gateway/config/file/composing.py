"""Composes the tree of a file and its values from the events of libyaml, within bounds.

The events come from PyYAML's binding, whose parser is 40 times as fast as the one in Python of ruamel.yaml;
what a plain text means is decided by YAML 1.2 (scalars.py), not by PyYAML.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from discovery.base.steps import Steps, slices
from gateway.config.file.bounds import MAX_DEPTH, MAX_NODES
from gateway.config.file.decoding import end_of
from gateway.config.file.mistakes import Mistake, Position
from gateway.config.file.nodes import Entry, Items, Mapping, Node, Path, Plain, Scalar
from gateway.config.file.scalars import resolve
from gateway.config.file.syntax import mistake_of
from gateway.config.file.wording import quoted, spelled


class Unreadable(Exception):
    """The rest of the file can't be read because of the mistake."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(position, "", message)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not read yet, and how much it holds so far."""

    node: Items | Mapping
    path: Path
    anchor: str | None
    key: Scalar | None = None
    items: list[Plain] = field(default_factory=list)
    values: dict[str, Plain] = field(default_factory=dict)
    nodes: int = 1
    depth: int = 1

    def whole(self) -> "_Whole":
        is_list = isinstance(self.node, Items)
        value: Plain = tuple(self.items) if is_list else self.values
        return _Whole(self.node, value, self.nodes, self.depth)


class _Whole(NamedTuple):
    """A node that is read to its end, with its value; aliases stand for both."""

    node: Node
    value: Plain
    nodes: int
    depth: int


@dataclass(slots=True)
class _Composer:
    mistakes: list[Mistake] = field(default_factory=list)
    root: _Whole | None = None
    opened: list[_Open] = field(default_factory=list)
    anchored: dict[str, _Whole | None] = field(default_factory=dict)  # None: not read yet

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):  # more than half of all
            position = _position(event)
            if event.tag is not None:
                self._refuse_tag(event.tag, position)
            plain = event.implicit[0]
            value = resolve(event.value) if plain else event.value
            scalar = Scalar(position, event.value, plain)
            self._add(event.anchor, _Whole(scalar, value, 1, 0), position)
        elif isinstance(event, yaml.CollectionEndEvent):
            one = self.opened.pop()
            self._add(one.anchor, one.whole(), one.node.position)
        elif isinstance(event, yaml.CollectionStartEvent):
            position = _position(event)
            self._refuse_tag(event.tag, position)
            self._open(event, position)
        elif isinstance(event, yaml.AliasEvent):
            position = _position(event)
            self._add(None, self._meant(event.anchor, position), position)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin(event, _position(event))

    def _begin(self, event: yaml.DocumentStartEvent, position: Position) -> None:
        if self.root is not None:
            raise Unreadable(position, "a second document begins here; a file has one")
        if event.version not in (None, (1, 2)):
            raise Unreadable(
                position, "the file is read as YAML 1.2; remove the line that begins with %YAML"
            )

    def _open(self, event: yaml.CollectionStartEvent, position: Position) -> None:
        if len(self.opened) >= MAX_DEPTH:
            raise Unreadable(position, f"there are more than {MAX_DEPTH} levels")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = Items(position) if is_list else Mapping(position)
        if event.anchor:
            self.anchored[event.anchor] = None
        self.opened.append(_Open(node, self._path(), event.anchor))

    def _add(self, anchor: str | None, one: _Whole, position: Position) -> None:
        """Put a whole node where it belongs."""
        if anchor:
            self.anchored[anchor] = one
        if not self.opened:
            self.root = one
            return
        parent = self.opened[-1]
        parent.nodes += one.nodes
        if one.depth >= parent.depth:
            parent.depth = one.depth + 1
        if parent.nodes > MAX_NODES or len(self.opened) + one.depth > MAX_DEPTH:
            what = f"{MAX_NODES:,} values" if parent.nodes > MAX_NODES else f"{MAX_DEPTH} levels"
            raise Unreadable(position, f"with its aliases the file has more than {what}")
        if isinstance(parent.node, Items):
            parent.node.nodes.append(one.node)
            parent.items.append(one.value)
        elif parent.key is None:
            parent.key = self._key(one.node, position)
        else:
            self._enter(parent, parent.key, one)
            parent.key = None

    def _enter(self, parent: _Open, key: Scalar, one: _Whole) -> None:
        assert isinstance(parent.node, Mapping)
        first = parent.node.entries.get(key.text)
        if first is not None:
            message = f"the key is there already, in line {first.position.line}"
            self.mistakes.append(Mistake(key.position, spelled((*parent.path, key.text)), message))
        elif key.text == "<<" and key.plain:
            message = (
                "YAML 1.2 has no merge keys; write the keys out, or once below `defaults`; "
                "an alias can stand for a whole value"
            )
            self.mistakes.append(Mistake(key.position, spelled(parent.path), message))
        else:
            parent.node.entries[key.text] = Entry(key.position, one.node)
            parent.values[key.text] = one.value

    def _key(self, node: Node, position: Position) -> Scalar:
        if isinstance(node, Scalar):  # an alias stands elsewhere than what it means
            return node if node.position == position else Scalar(position, node.text, node.plain)
        raise Unreadable(position, "a key must be a text; put one with { } or [ ] in it in quotes")

    def _meant(self, anchor: str | None, position: Position) -> _Whole:
        assert anchor is not None
        if anchor not in self.anchored:
            raise Unreadable(
                position,
                f"there is no anchor {quoted('&' + anchor)} before this alias; "
                "text that begins with * stands in quotes",
            )
        meant = self.anchored[anchor]
        if meant is None:
            raise Unreadable(
                position, f"the alias {quoted('*' + anchor)} stands within its own value"
            )
        return meant

    def _refuse_tag(self, tag: str | None, position: Position) -> None:
        if tag is not None:
            shown = quoted(tag.replace("tag:yaml.org,2002:", "!!"))
            message = f"the tag {shown} is not allowed; text that begins with ! stands in quotes"
            self.mistakes.append(Mistake(position, spelled(self._path()), message))

    def _path(self) -> Path:
        """The path of the node that is read next."""
        if not self.opened:
            return ()
        parent = self.opened[-1]
        if isinstance(parent.node, Items):
            return (*parent.path, len(parent.node.nodes))
        return parent.path if parent.key is None else (*parent.path, parent.key.text)


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    assert mark is not None
    return Position(mark.line + 1, mark.column + 1)


def compose(text: str) -> Steps[tuple[Node | None, Plain, list[Mistake]]]:
    """The tree of the file with its value, None for an empty one, and what is wrong with its form.

    A file whose form is wrong is read to that place, and has no tree.
    """
    composer = _Composer()
    try:
        for events in slices(yaml.parse(text, Loader=yaml.CLoader)):
            for event in events:
                composer.take(event)
            yield
    except yaml.MarkedYAMLError as error:
        return None, None, [*composer.mistakes, mistake_of(error, text)]
    except yaml.YAMLError:
        return None, None, [Mistake(end_of(text), "", "this is not YAML")]
    except Unreadable as unreadable:
        return None, None, [*composer.mistakes, unreadable.mistake]
    if composer.root is None:
        return None, None, composer.mistakes
    return composer.root.node, composer.root.value, composer.mistakes
