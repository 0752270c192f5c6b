"""Turns rules into trees of what happens where, so that one walk over a text does many of them at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from itertools import takewhile
from re import Pattern

from middlewares.transform.bodies.deciding.grammar import SCALAR, VALUE, run_of
from middlewares.transform.bodies.deciding.pointers import (
    BEHIND,
    EVERY,
    Pointer,
    any_may_meet,
    index_of,
    is_place,
)
from middlewares.transform.bodies.deciding.rules import (
    JsonValue,
    Keep,
    Query,
    Remove,
    Rename,
    Rule,
    Set,
    Wrap,
)


class Verdict(Enum):
    """What happens to a member or an item."""

    KEEP = auto()
    REMOVE = auto()
    RENAME = auto()
    SET = auto()
    #: It goes if another member of the object gets its name.
    REPLACED = auto()
    #: Something within it may change.
    ENTER = auto()


@dataclass
class Node:
    """A place in a text, and what is known about the places in it."""

    verdict: Verdict = Verdict.ENTER
    #: The new name.
    renamed: str = ""
    value: JsonValue | None = None
    named: dict[str, "Node"] = field(default_factory=dict)
    indexed: dict[int, "Node"] = field(default_factory=dict)
    every: "Node | None" = None
    #: A value for the place behind the last item of an array.
    behind: "Node | None" = None
    #: What happens to all that is not named here.
    others: Verdict = Verdict.KEEP

    @cached_property
    def members(self) -> Pattern[str] | None:
        """What matches members to which `others` applies; None: there are none."""
        if self.every is not None and self.every.verdict is not Verdict.ENTER:
            return None
        return run_of(VALUE if self.every is None else SCALAR, self.named, named=True)

    @cached_property
    def items(self) -> Pattern[str] | None:
        """What matches items to which `others` applies; None: each is looked at."""
        if self.indexed or (self.every is not None and self.every.verdict is not Verdict.ENTER):
            return None
        return run_of(VALUE if self.every is None else SCALAR, named=False)

    @cached_property
    def additions(self) -> "Sequence[tuple[str, Node]]":
        """The members that an object gets where it lacks them."""
        return [(name, one) for name, one in self.named.items() if one.is_made]

    @cached_property
    def adds(self) -> bool:
        """Whether an object or an array may get something that it lacks."""
        places = (*self.indexed.values(), *((self.behind,) if self.behind else ()))
        return bool(self.additions) or any(one.is_made for one in places)

    @cached_property
    def is_made(self) -> bool:
        """Whether the place is made where it is missing."""
        return self.verdict is Verdict.SET or bool(self.additions)


@dataclass(frozen=True)
class Edit:
    """One walk over a text. `needles`: it changes nothing in a text that has none of these bytes."""

    root: Node
    needles: tuple[bytes, ...] | None = None


Step = Edit | Wrap | Query


def steps_of(rules: Iterable[Rule]) -> tuple[Step, ...]:
    """The steps that the rules need in their order; neighbours that do not meet share one."""
    return tuple(_steps(rules))


def _steps(rules: Iterable[Rule]) -> Iterator[Step]:
    together: list[Remove | Rename | Set] = []
    for rule in rules:
        if isinstance(rule, Remove | Rename | Set):
            if any(_meet(rule, other) for other in together):
                yield _edit_of(together)
                together = []
            together.append(rule)
            continue
        if together:
            yield _edit_of(together)
            together = []
        yield Edit(_kept_of(rule.pointers)) if isinstance(rule, Keep) else rule
    if together:
        yield _edit_of(together)


def _places_of(rule: Remove | Rename | Set) -> Iterator[Pointer]:
    """The pointers of a rule; where it may add or take out items, the pointer to their array."""
    if isinstance(rule, Remove):
        for pointer in rule.pointers:
            yield pointer[:-1] if pointer and is_place(pointer[-1]) else pointer
    elif isinstance(rule, Set):
        yield tuple(takewhile(lambda token: not is_place(token), rule.pointer))
    else:
        yield from (rule.pointer, rule.target)


def _meet(one: Remove | Rename | Set, other: Remove | Rename | Set) -> bool:
    """Whether what one of the two does depends on what the other has done."""
    mine, theirs = [*_places_of(one)], [*_places_of(other)]
    # A place that is made is one of those that `*` stands for afterwards, and was none before.
    makes = isinstance(one, Set) or isinstance(other, Set)
    if makes and any(EVERY in place for place in (*mine, *theirs)):
        return True
    return any_may_meet(mine, theirs)


def _edit_of(rules: Sequence[Remove | Rename | Set]) -> Edit:
    root = Node()
    for rule in rules:
        if isinstance(rule, Remove):
            for pointer in rule.pointers:
                _at(root, pointer).verdict = Verdict.REMOVE
        elif isinstance(rule, Set):
            node = _at(root, rule.pointer)
            node.verdict, node.value = Verdict.SET, rule.value
        else:
            node = _at(root, rule.pointer)
            node.verdict, node.renamed = Verdict.RENAME, rule.name
            _at(root, rule.target).verdict = Verdict.REPLACED
    _spread(root)
    return Edit(root, _needles(rules))


def _kept_of(pointers: Iterable[Pointer]) -> Node:
    root = Node()
    for pointer in pointers:
        _at(root, pointer).verdict = Verdict.KEEP
    _spread(root)
    _take_out_others(root)
    return root


def _take_out_others(node: Node) -> None:
    if node.verdict is Verdict.ENTER:
        node.others = Verdict.REMOVE
        for child in _children(node):
            _take_out_others(child)


def _at(node: Node, pointer: Pointer) -> Node:
    """The node that a pointer leads to; what is missing on the way is made."""
    for token in pointer:
        if token == EVERY:
            node.every = node.every or Node()
            node = node.every
            continue
        child = node.named.setdefault(token, Node())
        index = index_of(token)
        if index is not None:
            node.indexed[index] = child
        elif token == BEHIND:
            node.behind = child
        node = child
    return node


def _spread(node: Node) -> None:
    """Let what holds for every place hold for the named ones too."""
    if node.every is not None:
        for child in (*node.named.values(), *node.indexed.values()):
            _join(child, node.every)
    for child in _children(node):
        _spread(child)


def _join(node: Node, general: Node) -> None:
    if general.verdict is not Verdict.ENTER and node.verdict is Verdict.ENTER:
        node.verdict, node.renamed, node.value = general.verdict, general.renamed, general.value
    for name, child in general.named.items():
        _join(node.named.setdefault(name, Node()), child)
    for index, child in general.indexed.items():
        _join(node.indexed.setdefault(index, Node()), child)
    if general.every is not None:
        node.every = node.every or Node()
        _join(node.every, general.every)
    if general.behind is not None:
        node.behind = node.behind or general.behind


def _children(node: Node) -> Iterator[Node]:
    yield from node.named.values()
    # A number is a name of a member and an index, and both lead to one node.
    known = {id(child) for child in node.named.values()}
    yield from (child for child in node.indexed.values() if id(child) not in known)
    if node.every is not None:
        yield node.every


def _needles(rules: Sequence[Remove | Rename | Set]) -> tuple[bytes, ...] | None:
    """A name of each pointer, in quotes; None: some rule may do something without one."""
    needles = []
    for rule in rules:
        if isinstance(rule, Set):
            return None
        for pointer in rule.pointers if isinstance(rule, Remove) else (rule.pointer,):
            names = [one for one in pointer if one != EVERY and not is_place(one)]
            # These may be written in other ways than with \u.
            names = [one for one in names if one.isprintable() and not set(one) & set('"/\\')]
            if not names:
                return None
            needles.append(b'"%b"' % max(names, key=len).encode())
    return tuple(needles)
