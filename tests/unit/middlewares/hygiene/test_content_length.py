"""A Content-Length is one number for all readers, or none."""

import pytest

from middlewares.failures import BadRequest
from middlewares.hygiene.content_length import content_length
from middlewares.hygiene.deciding import check_request
from tests.support.lengths import LONGEST, NO_NUMBERS, NUMBERS

HOST = (b"Host", b"shop.example")
HTTP_1_1 = (1, 1)


@pytest.mark.parametrize(("spelling", "number"), NUMBERS.items(), ids=repr)
def test_a_number_is_read(spelling: bytes, number: int) -> None:
    assert content_length(spelling.strip(b" \t")) == number


@pytest.mark.parametrize("spelling", NO_NUMBERS, ids=lambda value: repr(value[:40]))
def test_what_readers_could_read_differently_is_no_number(spelling: bytes) -> None:
    assert content_length(spelling) is None


def test_the_longest_is_what_63_bits_hold() -> None:
    assert content_length(b"%d" % LONGEST) == LONGEST
    assert content_length(b"%d" % (LONGEST + 1)) is None


def test_a_request_has_the_length_that_its_field_says() -> None:
    assert check_request(HTTP_1_1, [HOST]) == 0
    assert check_request(HTTP_1_1, [HOST, (b"content-LENGTH", b"0")]) == 0
    assert check_request(HTTP_1_1, [HOST, (b"content-LENGTH", b"17")]) == 17
    assert check_request(HTTP_1_1, [HOST, (b"Transfer-Encoding", b"chunked")]) is None


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Content-Length", b"%d" % (2**64 - 1))],
        [(b"Content-Length", b"5"), (b"Content-Length", b"5")],
        [(b"Content-Length", b"0"), (b"content-length", b"5")],
        [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"0")],
    ],
    ids=["too long", "the same twice", "two", "before chunks", "behind chunks"],
)
def test_a_length_that_is_not_clear_is_refused(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadRequest, match="Content-Length"):
        check_request(HTTP_1_1, [HOST, *fields])
