"""What a request is hashed by."""

import pytest

from gateway.hop.deciding.balancing.keys import key_of
from middlewares.routing.policy import Balance

HEADER = Balance(by="hash", hash_of="header", name=b"x-user")
COOKIE = Balance(by="hash", hash_of="cookie", name=b"sid")


def test_the_client() -> None:
    assert key_of(Balance(by="hash"), [], "10.0.0.1") == b"10.0.0.1"
    assert key_of(Balance(by="hash"), [], "") is None


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ([(b"X-User", b"ann")], b"ann"),
        ([(b"x-USER", b"ann"), (b"X-User", b"bob")], b"ann, bob"),
        ([(b"X-User", b"")], None),
        ([(b"X-Users", b"ann")], None),
        ([], None),
    ],
)
def test_a_header(fields: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert key_of(HEADER, fields, "10.0.0.1") == key


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ([(b"Cookie", b"a=b; sid=12;c=d")], b"12"),
        ([(b"Cookie", b"a=b"), (b"cookie", b"sid=12")], b"12"),
        ([(b"Cookie", b"sid=a=b")], b"a=b"),
        ([(b"Cookie", b"sid=; sid=2")], b"2"),
        ([(b"Cookie", b"asid=12; SID=12; sid")], None),
        ([(b"Sid", b"12")], None),
    ],
)
def test_a_cookie(fields: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert key_of(COOKIE, fields, "10.0.0.1") == key
