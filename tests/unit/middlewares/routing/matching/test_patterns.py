"""Regular expressions match whole values, in linear time, and say what is wrong with them."""

import sys
import time

import pytest

from middlewares.routing.matching.patterns import LONGEST, compile_pattern


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("gold|silver", b"gold", True),
        ("gold|silver", b"golden", False),
        ("gold|silver", b"a silver", False),
        ("v[0-9]+(\\.[0-9]+)*", b"v1.2.3", True),
        ("", b"", True),
        (".*", b"", True),
        (".*", b"a\nb", False),
        (".", "é".encode(), True),
        (".*", b"\xff", False),
        ("(?i)GOLD", b"gold", True),
    ],
)
def test_a_pattern_matches_the_whole_value(text: str, value: bytes, holds: bool) -> None:
    assert compile_pattern(text).holds(value) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(", r"a regex must be valid in RE2's syntax: missing \): \("),
        ("(?=x)", r"a regex must be valid in RE2's syntax: invalid perl operator"),
        (r"(a)\1", r"a regex must be valid in RE2's syntax: invalid escape sequence"),
        ("a{5000}", r"a regex must be valid in RE2's syntax: invalid repetition size"),
        ("((a{100}){100}){100}", r"a regex must be valid in RE2's syntax"),
        ("a" * (LONGEST + 1), r"a regex must have at most 1000 characters, this one has 1001"),
        ("\ud800", r"a regex must be valid in RE2's syntax"),
    ],
)
def test_a_mistake_is_said_in_one_line(
    text: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        compile_pattern(text)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_without_re2_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(ValueError, match=r'pip install "lockgate\[regexes\]"'):
        compile_pattern("a")


def test_patterns_of_one_text_are_equal() -> None:
    assert compile_pattern("a|b") == compile_pattern("a|b")
    assert len({compile_pattern("a|b"), compile_pattern("a|b"), compile_pattern("a")}) == 2


def test_no_value_takes_long() -> None:
    """The value takes a backtracking engine longer than the universe has existed."""
    pattern = compile_pattern("(a*)*b|(x+x+)+y")
    began_s = time.process_time()
    assert not pattern.holds(b"a" * 60_000 + b"x" * 60_000)
    assert time.process_time() - began_s < 5
