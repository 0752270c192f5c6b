"""Reads a configuration file: its configuration, or all that is wrong with it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from pydantic import ValidationError

from discovery.base.steps import Steps, at_once, let_go, slices
from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.checked_routes import CheckedRoutes
from gateway.config.file.composing import compose
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import NO_CONTENTS, Contents, parsing
from gateway.config.file.cross_checks import warnings, wrong_as_a_whole
from gateway.config.file.decoding import Undecodable, decode
from gateway.config.file.explaining import explain
from gateway.config.file.held_files import Held, hold
from gateway.config.file.mistakes import Mistake, Position
from gateway.config.file.named_files import Wanted, wanted_in
from gateway.config.file.nodes import Mapping, Node, Plain, children
from gateway.config.file.routes import Route

STANDARD_INPUT = "-"
_BEGINNING = Position(1, 1)
_ROUTES = "routes"
#: One with every key takes a fifth of a millisecond.
_ROUTES_OF_A_STEP = 10


@dataclass(frozen=True, slots=True)
class Read:
    """What was read; without a configuration, `mistakes` has at least one error.

    The mistakes are in the order of the file. `root` knows where each key and value stands. `wanted` are the
    files and variables that the configuration names, whose `contents` `with_contents` adds.
    """

    configuration: Configuration | None
    mistakes: tuple[Mistake, ...]
    root: Node
    wanted: tuple[Wanted, ...] = ()
    contents: Contents = NO_CONTENTS

    def parts(self) -> Iterator[Node]:
        """What stands in the sections of the file: freed one by one, none takes long."""
        for section in children(self.root):
            yield from children(section)

    @property
    def errors(self) -> tuple[Mistake, ...]:
        return tuple(one for one in self.mistakes if one.level == "error")


def read_file(file: str) -> Read:
    """Read a file, or standard input for `-`, and all files that it names. OSError: it can't be read."""
    if file == STANDARD_INPUT:
        return read_bytes(sys.stdin.buffer.read(MAX_BYTES + 1))
    path = Path(file)
    with path.open("rb") as opened:
        return read_bytes(opened.read(MAX_BYTES + 1), path.parent)


def read_bytes(data: bytes, folder: Path = Path()) -> Read:
    """Read the bytes of a file in a folder, and all files that it names; no bytes make this raise."""
    read = at_once(reading(data, folder=folder))
    return at_once(with_contents(read, hold(read.wanted)))


def with_contents(read: Read, held: Sequence[Held]) -> Steps[Read]:
    """The same with what each of its `wanted` held, or without a configuration if some can't be used."""
    contents = yield from parsing(read.wanted, held)
    if isinstance(contents, Contents):
        return replace(read, contents=contents)
    return _result(None, contents, read.root)


def reading(
    data: bytes, routes: CheckedRoutes | None = None, *, folder: Path = Path()
) -> Steps[Read]:
    """Read the bytes of a file alone, in steps of a few milliseconds for an event loop.

    `folder` is where relative paths begin; `routes` are those of the reading before.
    """
    nothing = Mapping(_BEGINNING)
    try:
        text = decode(data)
    except Undecodable as error:
        return Read(None, (error.mistake,), nothing)
    root, value, mistakes = yield from compose(text)
    if value is None:  # an empty file, one of comments and `---`, or one that could not be read
        return _result(None if mistakes else Configuration(), mistakes, root or nothing)
    assert root is not None
    read = yield from _check(value, root, mistakes, routes or CheckedRoutes())
    if read.configuration is not None:
        read = replace(read, wanted=(yield from _wanted(read.configuration, root, folder)))
    parts = list(_items(value))
    del value
    yield from let_go(parts)
    return read


def _check(value: Plain, root: Node, mistakes: list[Mistake], routes: CheckedRoutes) -> Steps[Read]:
    configuration, wrong = yield from _validate(value, root, routes)
    routes.forget_others()
    mistakes += wrong
    if isinstance(value, dict):
        mistakes += yield from wrong_as_a_whole(value, configuration, root)
    if configuration is not None and not mistakes:
        mistakes = yield from warnings(configuration, value, root)
        return _result(configuration, mistakes, root)
    return _result(None, mistakes, root)


def _wanted(configuration: Configuration, root: Node, folder: Path) -> Steps[tuple[Wanted, ...]]:
    wanted: list[Wanted] = []
    for some in slices(wanted_in(configuration, root, folder)):
        wanted += filter(None, some)
        yield
    return tuple(wanted)


def _items(value: Plain) -> Iterator[Plain]:
    """What stands in the sections of a file."""
    for section in value.values() if isinstance(value, dict) else ():
        if isinstance(section, dict):
            yield from section.values()
        elif isinstance(section, tuple):
            yield from section


def _validate(
    value: Plain, root: Node, known: CheckedRoutes
) -> Steps[tuple[Configuration | None, list[Mistake]]]:
    """Check each section; there is no configuration if one is wrong.

    Routes are checked one by one, since there may be thousands of them.
    """
    routes = value.get(_ROUTES) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(routes, tuple):
        routes, rest = (), value
    else:
        rest = {key: one for key, one in value.items() if key != _ROUTES}
    configuration: Configuration | None = None
    mistakes: list[Mistake] = []
    try:
        configuration = Configuration.model_validate(rest)
    except ValidationError as error:
        mistakes += explain(error, root)
    checked: list[Route] = []
    for index, route in enumerate(routes):
        try:
            checked.append(known.check(route))
        except ValidationError as error:
            mistakes += explain(error, root, (_ROUTES, index))
        if index % _ROUTES_OF_A_STEP == 0:
            yield
    if configuration is None or mistakes:
        return None, mistakes
    return configuration.model_copy(update={_ROUTES: tuple(checked)}), mistakes


#: Tuples are compared in C, and there may be a warning for each of thousands of routes.
_IN_ORDER = attrgetter("position", "path", "message", "level")


def _result(configuration: Configuration | None, mistakes: list[Mistake], root: Node) -> Read:
    return Read(configuration, tuple(sorted(mistakes, key=_IN_ORDER)), root)
