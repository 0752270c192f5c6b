"""Reads a configuration file: its configuration, or all that is wrong with it."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from discovery.base.steps import Steps
from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.composing import compose
from gateway.config.file.configuration import Configuration
from gateway.config.file.cross_checks import warnings, wrong_as_a_whole
from gateway.config.file.decoding import Undecodable, decode
from gateway.config.file.explaining import explain
from gateway.config.file.mistakes import Mistake, Position
from gateway.config.file.nodes import Mapping, Node, value_of

STANDARD_INPUT = "-"
_BEGINNING = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read; without a configuration, `mistakes` has at least one error.

    The mistakes are in the order of the file. `root` knows where each key and value stands.
    """

    configuration: Configuration | None
    mistakes: tuple[Mistake, ...]
    root: Node

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
    nothing = Mapping(_BEGINNING)
    try:
        text = decode(data)
    except Undecodable as error:
        return Read(None, (error.mistake,), nothing)
    root, mistakes = compose(text)
    if root is None:
        return _result(None if mistakes else Configuration(), mistakes, nothing)
    value = value_of(root)
    if value is None:  # a file of comments and `---`
        return _result(None if mistakes else Configuration(), mistakes, root)
    configuration = None
    try:
        configuration = Configuration.model_validate(value)
    except ValidationError as error:
        mistakes += explain(error, root)
    if isinstance(value, dict):
        mistakes += wrong_as_a_whole(value, configuration, root)
    if configuration is not None and not mistakes:
        return _result(configuration, [*warnings(configuration, value, root)], root)
    return _result(None, mistakes, root)


def _result(configuration: Configuration | None, mistakes: list[Mistake], root: Node) -> Read:
    return Read(configuration, tuple(sorted(mistakes)), root)


def reading(data: bytes) -> Steps[Read]:
    """Read the bytes of a file in steps; no bytes make this raise."""
    yield
    return read_bytes(data)
