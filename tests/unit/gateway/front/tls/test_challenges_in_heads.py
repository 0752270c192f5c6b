"""The token of a challenge is found in the head of a request of plain HTTP."""

import pytest

from gateway.front.tls.redirect import challenge_in


@pytest.mark.parametrize(
    ("head", "token"),
    [
        (b"GET /.well-known/acme-challenge/aB_-9 HTTP/1.1\r\nHost: a", "aB_-9"),
        (b"GET http://a/.well-known/acme-challenge/x HTTP/1.1", "x"),
        (b"GET /.well-known/acme-challenge/ HTTP/1.1", None),
        (b"GET /.well-known/acme-challenge/a/b HTTP/1.1", None),
        (b"GET /.well-known/acme-challenge/a?b HTTP/1.1", None),
        (b"GET /.well-known/acme-challenge/%s HTTP/1.1" % (b"a" * 257), None),
        (b"GET /aB HTTP/1.1", None),
        (b"nonsense", None),
        (b"", None),
    ],
)
def test_the_token_is_found(head: bytes, token: str | None) -> None:
    assert challenge_in(head) == token
