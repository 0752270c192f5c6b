"""Fields that an answer keeps from others by `no-cache="…"` and `private="…"` (RFC 9111 §5.2.2)."""

import pytest

from tests.http.configured.conftest import StartConfigured

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {}
"""
ANSWER = (
    b'HTTP/1.1 200 OK\r\nCache-Control: max-age=60, %b="x-own, Set-Cookie"\r\n'
    b"X-Own: mine\r\nSet-Cookie: a=b\r\nX-All: ours\r\nContent-Length: 2\r\n\r\nok"
)


@pytest.mark.parametrize("directive", [b"no-cache", b"private"])
async def test_a_field_that_is_for_one_client_goes_to_whose_request_it_was(
    start_configured: StartConfigured, directive: bytes
) -> None:
    configured = await start_configured(FILE, ANSWER % directive)
    first, second = await configured.ask("/"), await configured.ask("/")
    assert len(configured.upstream.requests) == 1
    assert [first.values(name) for name in (b"x-own", b"set-cookie", b"x-all")] == [
        [b"mine"],
        [b"a=b"],
        [b"ours"],
    ]
    assert [second.values(name) for name in (b"x-own", b"set-cookie", b"x-all")] == [
        [],
        [],
        [b"ours"],
    ]
