"""A 304 that changes what was said about the kept answer (RFC 9111 §4.3.4)."""

import asyncio

import pytest

from tests.http.configured.cache.test_poisoning import hit
from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, cache: {}}
"""
OK = 'HTTP/1.1 200 OK\r\nETag: "a"\r\nVary: Accept\r\nCache-Control: max-age=0\r\nContent-Length: 2\r\n\r\nok'
#: The fields of a 304; whether the next request is answered out of the store, and whether one with another Accept is.
ROWS = {
    "nothing": ([], False, False),
    "a lifetime": (["Cache-Control: max-age=60"], True, False),
    "a lifetime in two lines": (
        ["Cache-Control: public", "cache-control: MAX-AGE=60"],
        True,
        False,
    ),
    "its own tag": (["Cache-Control: max-age=60", 'ETag: "a"'], True, False),
    "its own tag, but weak": (["Cache-Control: max-age=60", 'ETag: W/"a"'], True, False),
    "another tag": (["Cache-Control: max-age=60", 'ETag: "b"'], False, False),
    "no-store": (["Cache-Control: no-store"], False, False),
    "private": (["Cache-Control: private, max-age=60"], False, False),
    "no-cache": (["Cache-Control: no-cache, max-age=60"], False, False),
    "another Vary": (["Cache-Control: max-age=60", "Vary: Accept-Language"], True, True),
    "a further Vary": (["Cache-Control: max-age=60", "Vary: Accept, Accept-Language"], True, False),
    "Vary of all": (["Cache-Control: max-age=60", "Vary: *"], False, False),
    "Vary of too many": (
        ["Cache-Control: max-age=60", "Vary: " + ",".join(f"x-{number}" for number in range(1000))],
        False,
        False,
    ),
    "an Age": (["Cache-Control: max-age=60", "Age: 9223372036854775808"], False, False),
    "a Date of the year 1": (
        ["Cache-Control: max-age=60", "Date: Mon, 01 Jan 0001 00:00:00 GMT"],
        False,
        False,
    ),
    "a cookie": (["Cache-Control: max-age=60", "Set-Cookie: a=b"], False, False),
}


@pytest.mark.parametrize(("fields", "is_kept", "is_for_others"), ROWS.values(), ids=list(ROWS))
async def test_a_304_says_how_the_kept_answer_is_used_from_then_on(
    start_configured: StartConfigured, fields: list[str], is_kept: bool, is_for_others: bool
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.values(b"if-none-match"):
            writer.write("\r\n".join(("HTTP/1.1 304 Not Modified", *fields, "", "")).encode())
        else:
            writer.write(OK.encode())

    configured = await start_configured(FILE, answer)
    first = await configured.ask("/", "Accept: a/a")
    validated = await configured.ask("/", "Accept: a/a")
    assert b"fwd-status=304" in validated.values(b"cache-status")[0]
    later = await configured.ask("/", "Accept: a/a")
    other = await configured.ask("/", "Accept: b/b")
    for got in (first, validated, other, later):
        assert (got.status, got.body) == (200, b"ok")
    assert hit(other) == is_for_others
    assert hit(later) == is_kept
