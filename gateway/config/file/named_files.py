"""Files and variables that the configuration file names, since no secret stands in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated, Any, get_args

from gateway.config.file.mistakes import Position
from gateway.config.file.nodes import Node, Path, key_position, node_at
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Section

_LONGEST_PATH = 4096
#: The kind of key (`kty`) that is a secret, and the member that is the private half of any other.
_SECRET_KEY = re.compile(rb'"oct"|"d"\s*:')
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Named(str):
    """The name of a file or variable whose content is a value of the configuration."""

    __slots__ = ()


class _Public(Named):
    __slots__ = ()


class _Keys(_Public):
    __slots__ = ()


class _Secret(Named):
    __slots__ = ()


class _Variable(Named):
    __slots__ = ()


def _path(value: object) -> str:
    rule = "must be the path of a file; a relative one begins in the folder of this file"
    text = text_of(value, rule)
    if not text or "\0" in text or len(text) > _LONGEST_PATH:
        raise ValueError(rule)
    return text


def _public_file(value: object) -> _Public:
    return _Public(_path(value))


def _keys_file(value: object) -> _Keys:
    return _Keys(_path(value))


def _secret_file(value: object) -> _Secret:
    return _Secret(_path(value))


def _variable(value: object) -> _Variable:
    rule = "must be the name of a variable of the environment, such as OIDC_SECRET"
    text = text_of(value, rule)
    if not _VARIABLE.fullmatch(text):
        raise ValueError(rule)
    return _Variable(text)


_FILE = {"type": "string", "minLength": 1}
#: The path of a file. A section says in `reads` what its content must be.
PublicFile = Annotated[_Public, Parsed(_public_file, "file", _FILE)]
#: The path of a JWK set. One with a shared secret or a private key in it is read as a file with a secret.
KeysFile = Annotated[_Keys, Parsed(_keys_file, "file", _FILE)]
#: The path of a file with a secret, which others must not be able to read.
SecretFile = Annotated[_Secret, Parsed(_secret_file, "file that others can't read", _FILE)]
#: The name of a variable with a secret; it is read as a file is, and has what it had at the start.
SecretVariable = Annotated[
    _Variable,
    Parsed(
        _variable, "name of a variable", {"type": "string", "pattern": f"^{_VARIABLE.pattern}$"}
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file or variable that a key names; `section` has the key, which is the end of `path`.

    `file` is None for a variable. `position` is the value's, `at_key` the key's.
    """

    path: Path
    name: Named
    file: FilePath | None
    section: Section
    position: Position
    at_key: Position

    @property
    def key(self) -> str:
        return str(self.path[-1])

    def is_secret(self, data: bytes) -> bool:
        """Whether others must not be able to read a file with this content."""
        if isinstance(self.name, _Keys):
            return _SECRET_KEY.search(data) is not None
        return not isinstance(self.name, _Public)


def wanted_in(configuration: Section, root: Node, folder: FilePath) -> Iterator[Wanted | None]:
    """What a configuration names, with a None after each section, in the order of the models.

    Relative paths begin in `folder`.
    """
    return _below(configuration, (), root, folder)


def _below(value: object, path: Path, root: Node, folder: FilePath) -> Iterator[Wanted | None]:
    if isinstance(value, Section):
        for attribute, key in _ways_to_files(type(value)):
            below = getattr(value, attribute)
            if isinstance(below, Named):
                yield _wanted(below, value, (*path, key), root, folder)
            else:
                yield from _below(below, (*path, key), root, folder)
        yield None
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _below(one, (*path, key), root, folder)
    elif isinstance(value, tuple):
        for index, one in enumerate(value):
            yield from _below(one, (*path, index), root, folder)


def _wanted(name: Named, section: Section, path: Path, root: Node, folder: FilePath) -> Wanted:
    file = None if isinstance(name, _Variable) else folder / name
    return Wanted(path, name, file, section, node_at(root, path).position, key_position(root, path))


@cache
def _ways_to_files(section: type[Section]) -> tuple[tuple[str, str], ...]:
    """The attributes, with their keys, where files are named, or below which they may be."""
    return tuple(
        (attribute, field.alias or attribute)
        for attribute, field in section.model_fields.items()
        if _may_name_files(field.annotation)
    )


def _may_name_files(kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, Named):
        return True
    if isinstance(kind, type) and issubclass(kind, Section):
        return bool(_ways_to_files(kind))
    return any(map(_may_name_files, get_args(kind)))
