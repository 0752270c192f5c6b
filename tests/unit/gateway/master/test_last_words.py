"""What workers write to standard error."""

import os

import pytest

from gateway.master.last_words import LastWords


def written(data: bytes, *, held: bool = False) -> LastWords:
    out, into = os.pipe()
    words = LastWords(out, held=held)
    os.write(into, data)
    os.close(into)
    words.read()
    return words


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", ""),
        (b"Traceback:\n  at x\nValueError: no\n", "ValueError: no"),
        (b"ValueError: no\n\n  \n", "ValueError: no"),
        (b"one\ntwo without an end", "two without an end"),
        (b"a\n" * 100, "a"),
        (b"\xff\n", "�"),
    ],
)
async def test_the_last_line_is_remembered(
    capfdbinary: pytest.CaptureFixture[bytes], data: bytes, line: str
) -> None:
    words = written(data)
    assert words.line == line
    words.close()
    assert capfdbinary.readouterr().err == data


async def test_a_line_without_an_end_is_bounded() -> None:
    words = written(b"x" * 60_000, held=True)
    assert len(words.line) == 4096
    words.close()


async def test_what_is_held_is_passed_on_when_it_is_let_go(
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = written(b"a bad value\n", held=True)
    assert capfd.readouterr().err == ""
    words.let_go()
    words.let_go()
    assert capfd.readouterr().err == "a bad value\n"
    words.close()


async def test_what_was_dropped_is_not_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    words = written(b"a bad value\n", held=True)
    words.drop()
    words.let_go()
    assert capfd.readouterr().err == ""
    assert words.line == "a bad value"
    words.close()


async def test_what_follows_what_was_dropped_is_not_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Both first workers fail at the same time: one speaks for both, whoever was read first."""
    out, into = os.pipe()
    words = LastWords(out, held=True)
    words.drop()
    os.write(into, b"lockgate: a bad value\n")
    os.close(into)
    words.read()
    words.let_go()
    assert words.line == "lockgate: a bad value"
    words.close()
    assert capfd.readouterr().err == ""


async def test_one_that_writes_without_end_does_not_keep_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, into = os.pipe()
    words = LastWords(out, held=True)
    os.close(into)
    pieces = []

    def read(_descriptor: int, _most: int) -> bytes:
        pieces.append(1)
        return b"again\n"

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        words.read()  # returns

    assert 1 < len(pieces) < 100
    words.close()
