"""Each spelling that servers read differently is seen, and no other."""

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.routing.matching.paths import (
    ambiguous,
    behind,
    is_plain,
    percent_decoded,
    segments,
)

AMBIGUOUS = {
    "/a/./b": "the path has a segment of dots",
    "/a/../b": "the path has a segment of dots",
    "/..": "the path has a segment of dots",
    "/a/.": "the path has a segment of dots",
    "/a/%2e/b": "the path has a segment of dots",
    "/a/%2E%2e": "the path has a segment of dots",
    "/a/.%2e/b": "the path has a segment of dots",
    "/a/%2e./b": "the path has a segment of dots",
    "//": "the path has an empty segment",
    "//a": "the path has an empty segment",
    "/a//b": "the path has an empty segment",
    "/a//": "the path has an empty segment",
    "/a%2Fb": "the path has an encoded slash",
    "/a%2fb": "the path has an encoded slash",
    "/%2f": "the path has an encoded slash",
    "/a%5Cb": "the path has an encoded backslash",
    "/a%5cb": "the path has an encoded backslash",
    "/a\\b": "the path has a backslash",
    "/a;b": "the path has a segment with a semicolon",
    "/a;/b": "the path has a segment with a semicolon",
    "/a%3Bb": "the path has a segment with a semicolon",
    "/;": "the path has a segment with a semicolon",
    "/a\0b": "the path has a NUL",
    "/a%00b": "the path has an encoded NUL",
    "/%ff": "the path is not UTF-8",
    "/%c0%af": "the path is not UTF-8",
    "/%c3": "the path is not UTF-8",
    "/%ed%a0%80": "the path is not UTF-8",
    "/a\udcff": "the path is not UTF-8",
    "/%252e": "the path is percent-encoded twice",
    "/%252F": "the path is percent-encoded twice",
    "/%25%32%65": "the path is percent-encoded twice",
    "/%25252e": "the path is percent-encoded twice",
    "/%": "the path has a % without two hexadecimal digits behind it",
    "/a%2": "the path has a % without two hexadecimal digits behind it",
    "/%zz": "the path has a % without two hexadecimal digits behind it",
    "/%u002e": "the path has a % without two hexadecimal digits behind it",
    "/a#b": "the path has a #",
    "/a b": "the path has a control character or a space",
    "/a\r\nb": "the path has a control character or a space",
}

UNAMBIGUOUS = {
    "/": [""],
    "/a": ["a"],
    "/a/": ["a", ""],
    "/a/b.c/.d/..e/f..": ["a", "b.c", ".d", "..e", "f.."],
    "/...": ["..."],
    "/100%25": ["100%"],
    "/%25zz": ["%zz"],
    "/%252": ["%2"],
    "/%41%20b": ["A b"],
    "/%C3%A9": ["é"],
    "/é": ["é"],
    "/a%3Fb%23c": ["a?b#c"],
    "/a+b": ["a+b"],
    "/%0A": ["\n"],
    "/~!$&'()*+,=:@-_": ["~!$&'()*+,=:@-_"],
    '/{"a"}|^`<>': ['{"a"}|^`<>'],
}


@pytest.mark.parametrize(("path", "reason"), AMBIGUOUS.items())
def test_a_path_with_several_readings_is_ambiguous(path: str, reason: str) -> None:
    assert ambiguous(path) == reason


@pytest.mark.parametrize(("path", "expected"), UNAMBIGUOUS.items())
def test_a_path_with_one_reading_is_taken_apart(path: str, expected: list[str]) -> None:
    assert ambiguous(path) is None
    assert segments(path) == expected


def test_an_ordinary_path_is_plain() -> None:
    assert is_plain("/api/v1.2/orders/4711/")
    assert not is_plain("orders")


@given(
    st.one_of(
        st.binary(),
        st.lists(st.sampled_from([b"%", b"4", b"1", b"aF", b"%fF", b"x"])).map(b"".join),
    )
)
def test_bytes_are_decoded_as_urllib_does(raw: bytes) -> None:
    assert percent_decoded(raw) == unquote_to_bytes(raw)


@pytest.mark.parametrize(
    ("depth", "rest"), [(0, "/a/%62//c"), (1, "/%62//c"), (2, "//c"), (4, ""), (9, "")]
)
def test_what_is_behind_a_prefix_is_raw(depth: int, rest: str) -> None:
    assert behind("/a/%62//c", depth) == rest
