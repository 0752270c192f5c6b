"""Files that the configuration file names: found, read and parsed, each mistake told where it is named."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from pydantic import Field, ValidationError

from discovery.base.steps import at_once
from gateway.config.file import held_files
from gateway.config.file.composing import compose
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents, changed, parsing
from gateway.config.file.explaining import explain
from gateway.config.file.held_files import hold
from gateway.config.file.mistakes import Mistake
from gateway.config.file.named_files import (
    Named,
    PublicFile,
    SecretFile,
    SecretVariable,
    wanted_in,
)
from gateway.config.file.sections import Section, Wrong


def _words(data: bytes) -> list[str]:
    if not data.isascii():
        raise ValueError("it must be ASCII")
    return data.decode().split()


class Way(Section):
    """One that names files."""

    reads: ClassVar[Mapping[str, Any]] = {
        "keys_file": _words,
        "secret_file": len,
        "secret_env": len,
    }

    keys_file: PublicFile | None = Field(default=None)
    secret_file: SecretFile | None = Field(default=None)
    secret: SecretVariable | None = Field(default=None, alias="secret_env")
    other: int = Field(default=0)

    def wrong_contents(self, contents: Mapping[str, Any]) -> Iterable[Wrong]:
        if contents.get("secret_file") == len(contents.get("keys_file", ())):
            yield Wrong(("secret_file",), "is as long as keys_file", at_key=True)


class Whole(Section):
    """A file of theirs."""

    auth: Mapping[str, Way] = Field(default_factory=dict)
    all: tuple[Way, ...] = Field(default=())
    nothing: Mapping[str, str] = Field(default_factory=dict)


class World:
    """A folder with the file of these keys."""

    def __init__(self, folder: Path, text: str) -> None:
        root, value, mistakes = at_once(compose(text))
        assert root is not None
        assert not mistakes
        self.whole = Whole.model_validate(value)
        self.wanted = list(filter(None, wanted_in(self.whole, root, folder)))

    def read(self) -> Contents | list[Mistake]:
        return at_once(parsing(self.wanted, hold(self.wanted)))

    def contents(self) -> Contents:
        read = self.read()
        assert isinstance(read, Contents), read
        return read

    def mistakes(self) -> list[str]:
        read = self.read()
        assert isinstance(read, list)
        return [one.line("f") for one in sorted(read)]


def secret(folder: Path, name: str, data: bytes = b"s3cr3t") -> Path:
    path = folder / name
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_what_they_hold_is_there_by_the_section_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text("a b")
    absolute = secret(tmp_path, "secret", b"12345")
    monkeypatch.setenv("A_SECRET", "123")
    world = World(
        tmp_path,
        f"auth: {{one: {{keys_file: keys, secret_file: {absolute}}}}}\n"
        "all: [{}, {secret_env: A_SECRET}]",
    )
    contents = world.contents()
    assert contents.of("auth", "one") == {"keys_file": ["a", "b"], "secret_file": 5}
    assert contents.of("all", 1) == {"secret_env": 3}
    assert contents.of("all", 0) == {}
    assert [one.file for one in world.wanted] == [tmp_path / "keys", absolute, None]


def test_all_mistakes_are_told_where_the_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("s3cr3t")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "odd").write_bytes(b"\xff")
    (tmp_path / "folder").mkdir()
    world = World(
        tmp_path,
        "auth:\n"
        "  one: {keys_file: none, secret_file: open}\n"
        "  two:\n"
        "    keys_file: odd\n"
        "    secret_env: NOT_THERE\n"
        "  three: {keys_file: folder}\n",
    )
    told = f"others can read it: `chmod 600 {tmp_path}/open`, or mount the secret with mode 0400"
    assert world.mistakes() == [
        f"f:2:20: auth.one.keys_file: {tmp_path}/none can't be read: No such file or directory",
        f"f:2:39: auth.one.secret_file: {tmp_path}/open: {told}",
        f"f:4:16: auth.two.keys_file: what is in {tmp_path}/odd can't be used: it must be ASCII",
        'f:5:17: auth.two.secret_env: the variable "NOT_THERE" is not set',
        f"f:6:22: auth.three.keys_file: {tmp_path}/folder can't be read: Is a directory",
    ]


def test_what_is_wrong_between_files_is_told_once_each_is_right(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a b")
    secret(tmp_path, "secret", b"12")
    world = World(tmp_path, "all: [{keys_file: keys, secret_file: secret}]")
    assert world.mistakes() == ["f:1:25: all[0].secret_file: is as long as keys_file"]
    (tmp_path / "keys").unlink()
    (only,) = world.mistakes()
    assert "all[0].keys_file" in only


def test_a_public_file_may_be_read_by_everybody(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a")
    (tmp_path / "keys").chmod(0o644)
    contents = World(tmp_path, "auth: {a: {keys_file: keys}}").contents()
    assert contents.of("auth", "a") == {"keys_file": ["a"]}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys")
    (said,) = World(tmp_path, "auth: {a: {keys_file: keys}}").mistakes()
    assert said.endswith("can't be read: it is no regular file")


def test_the_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_files, "MAX_BYTES", 2 * 1024**2)
    with (tmp_path / "keys").open("wb") as file:
        file.truncate(2 * 1024**2)
    world = World(tmp_path, "auth: {a: {keys_file: keys}}")
    assert world.contents().held
    with (tmp_path / "keys").open("wb") as file:
        file.truncate(2 * 1024**2 + 1)
    (said,) = world.mistakes()
    assert said.endswith("keys: it has more than 2 MiB")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    secret(tmp_path, "secret")
    world = World(tmp_path, "auth: {a: {secret_file: secret}}")
    held = hold(world.wanted)
    assert held[0].data == b"s3cr3t"
    assert "s3cr3t" not in f"{held!r}{world.contents()!r}"
    assert not held[0].without_data().data


def test_two_hold_the_same_if_they_say_the_same(tmp_path: Path) -> None:
    path = secret(tmp_path, "secret")
    world = World(tmp_path, "auth: {a: {secret_file: secret}}")
    before, contents = hold(world.wanted), world.contents()
    path.write_bytes(b"s3cr3t")
    assert hold(world.wanted) == before
    assert list(changed(contents, world.contents())) == []
    path.write_bytes(b"another")
    assert hold(world.wanted) != before
    assert list(changed(contents, world.contents())) == [
        "auth.a.secret_file: what it names has another content"
    ]
    path.write_bytes(b"s3cr3t")
    path.chmod(0o644)
    assert hold(world.wanted) != before


_PATH = "must be the path of a file; a relative one begins in the folder of this file"
_NAME = "must be the name of a variable of the environment, such as OIDC_SECRET"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{keys_file: 1}", f'keys_file: {_PATH}; put it in quotes: "1"'),
        ('{keys_file: ""}', f"keys_file: {_PATH}"),
        ('{secret_file: "a\\0b"}', f"secret_file: {_PATH}"),
        ("{secret_env: a-b}", f"secret_env: {_NAME}"),
    ],
)
def test_a_name_that_is_none(value: str, message: str) -> None:
    root, plain, _ = at_once(compose(value))
    assert root is not None
    with pytest.raises(ValidationError) as caught:
        Way.model_validate(plain)
    (mistake,) = explain(caught.value, root)
    assert f"{mistake.path}: {mistake.message}" == message


def test_sections_that_can_name_none_are_not_looked_at() -> None:
    whole = Whole(nothing=dict.fromkeys("abc", "keys_file"))
    root, _, _ = at_once(compose("{}"))
    assert root is not None
    assert list(wanted_in(whole, root, Path())) == [None]


def _sections_of(kind: Any, seen: set[type[Section]]) -> None:
    if isinstance(kind, type) and issubclass(kind, Section) and kind not in seen:
        seen.add(kind)
        for field in kind.model_fields.values():
            _sections_of(field.annotation, seen)
    for one in get_args(kind):
        _sections_of(one, seen)


def _names_files(kind: Any) -> bool:
    if isinstance(kind, type):
        return issubclass(kind, Named)
    return any(map(_names_files, get_args(kind)))


def test_every_key_that_names_a_file_says_how_it_is_read() -> None:
    sections: set[type[Section]] = set()
    _sections_of(Configuration, sections)
    for section in sections | {Way}:
        keys = {
            field.alias or name
            for name, field in section.model_fields.items()
            if _names_files(field.annotation)
        }
        assert keys == set(section.reads), section
