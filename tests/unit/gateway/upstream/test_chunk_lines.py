"""Chunk-size lines: however they are cut, the parser gets only their numbers, and all else unchanged."""

import pytest

from gateway.upstream.chunk_lines import MOST_BYTES, ChunkLines

LONG = b";" + b"a" * (2 * MOST_BYTES)


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        (b"2\r\nok\r\n0\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n"),
        (b"2 ; a=b\r\nok\r\n0;x\r\nA: b ; c\r\n\r\n", b"2\r\nok\r\n0\r\nA: b ; c\r\n\r\n"),
        (b"2 \t\r\n;\r\r\n1;\r\n \r\n0\r\n\r\n", b"2\r\n;\r\r\n1\r\n \r\n0\r\n\r\n"),
        (b"2 x\r\nok\r\n2 \r\nok\r\n", b"2 x\r\nok\r\n2 \r\nok\r\n"),
        (b"\r\nok", b"\r\nok"),
        (b"2\nok\r\n", b"2\nok\r\n"),
        (b"2;\x00\r\nok", b"2;\x00\r\nok"),
        (b"0" * 17 + b"\r\n", b"0" * 17 + b"\r\n"),
        (b"2" + LONG + b"\r\nok\r\n0 \r\n\r\n", b"2" + LONG + b"\r\nok\r\n0 \r\n\r\n"),
    ],
    ids=[
        "plain",
        "extensions",
        "spaces",
        "no size behind which nothing is changed",
        "no line",
        "LF alone",
        "control byte",
        "too many digits",
        "too long",
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
def test_lines_are_made_plain(wire: bytes, plain: bytes, step: int) -> None:
    lines = ChunkLines()

    passed = b"".join(
        bytes(piece)
        for at in range(0, len(wire), step)
        for piece in lines.plain(memoryview(wire[at : at + step]))
    )

    assert passed == plain


@pytest.mark.parametrize("wire", [b"x", b" ", b"2x", b"2\rx", b"2 x"])
def test_what_can_be_no_line_is_not_held_back(wire: bytes) -> None:
    """The parser refuses it at once, and nobody waits for its end."""
    assert b"".join(map(bytes, ChunkLines().plain(memoryview(wire)))) == wire
