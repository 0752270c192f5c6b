"""Reads a configuration file: its configuration, or all that is wrong with it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from discovery.base.steps import Steps, at_once, let_go
from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.checked_routes import CheckedRoutes
from gateway.config.file.composing import compose
from gateway.config.file.configuration import Configuration
from gateway.config.file.cross_checks import warnings, wrong_as_a_whole
from gateway.config.file.decoding import Undecodable, decode
from gateway.config.file.explaining import explain
from gateway.config.file.mistakes import Mistake, Position
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

    The mistakes are in the order of the file. `root` knows where each key and value stands.
    """

    configuration: Configuration | None
    mistakes: tuple[Mistake, ...]
    root: Node

    def parts(self) -> Iterator[Node]:
        """What stands in the sections of the file: freed one by one, none takes long."""
        for section in children(self.root):
            yield from children(section)

    @property
    def errors(self) -> tuple[Mistake, ...]:
        return tuple(one for one in self.mistakes if one.level == "error")


def read_file(file: str) -> Read:
    """Read a file, or standard input for `-`. OSError: it can't be read."""
    if file == STANDARD_INPUT:
        return read_bytes(sys.stdin.buffer.read(MAX_BYTES + 1))
    with Path(file).open("rb") as opened:
        return read_bytes(opened.read(MAX_BYTES + 1))


def read_bytes(data: bytes) -> Read:
    """Read the bytes of a file; no bytes make this raise."""
    return at_once(reading(data))


def reading(data: bytes, routes: CheckedRoutes | None = None) -> Steps[Read]:
    """As `read_bytes`, in steps of a few milliseconds for an event loop.

    `routes` are those of the reading before.
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


def _result(configuration: Configuration | None, mistakes: list[Mistake], root: Node) -> Read:
    return Read(configuration, tuple(sorted(mistakes)), root)
