"""Each mistake that a file can have: what is said of it, and where (mistakes/*.txt)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.configuration import Configuration
from gateway.config.file.loading import read_bytes
from tests.support.configuration_files import mistakes_in

_FILES = Path(__file__).parent / "mistakes"
_SAID = "=> "


def cases() -> Iterator[tuple[str, list[str]]]:
    """Each file of the tables with the lines about it."""
    for table in sorted(_FILES.glob("*.txt")):
        for block in table.read_text("utf-8").split("\n----\n"):
            lines = block.rstrip("\n").split("\n")
            text = "\n".join(line for line in lines if not line.startswith(_SAID))
            yield text, [line.removeprefix(_SAID) for line in lines if line.startswith(_SAID)]


def test_there_are_mistakes_of_every_kind() -> None:
    assert len(list(cases())) > 200


@pytest.mark.parametrize(("text", "lines"), list(cases()))
def test_each_mistake_is_told_in_one_line_where_it_stands(text: str, lines: list[str]) -> None:
    assert mistakes_in(text) == lines


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            b"\xef\xbb\xbfdiscover: /a",
            "f:1:1: the file begins with a byte order mark; save it as UTF-8 without one",
        ),
        (b"\xff\xfea\0", "f:1:1: the file is UTF-16; save it as UTF-8"),
        (b"# \xc3\xa4 \xff", "f:1:5: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"a: b\x85", "f:1:5: the byte 0x85 is not UTF-8; save the file as UTF-8"),
        (b"\r\r\ndiscover: /a\0", "f:3:13: the character U+0000 can't be seen; remove it"),
        (
            b'discover: "\x07"',
            'f:1:12: the character U+0007 can\'t be seen; write it in double quotes as "\\u0007"',
        ),
        (
            "# ok\ndiscover: \u2028".encode(),
            'f:2:11: the character U+2028 can\'t be seen; write it in double quotes as "\\u2028"',
        ),
        (b"#" * (MAX_BYTES + 1), "f:1:1: the file is larger than 8 MiB"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:12]),
)
def test_bytes_that_are_no_text_are_told_where_they_stand(data: bytes, line: str) -> None:
    assert mistakes_in(data) == [line]


def test_an_escape_for_a_character_that_nobody_sees_is_taken() -> None:
    file = b'routes: [{name: a, match: {}, respond: {body: "\\u2028\\u0007"}}]'
    assert mistakes_in(file) == []


@pytest.mark.parametrize(
    "bytes_of_it", [b"", b"\n", b"# nothing\n", b"---\n", b"null", b"{}", b"--- {}\n...\n"]
)
def test_a_file_with_nothing_in_it_is_a_configuration_with_defaults(bytes_of_it: bytes) -> None:
    assert read_bytes(bytes_of_it).configuration == Configuration()
