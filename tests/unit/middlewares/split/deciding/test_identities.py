"""By what a client is known to a split."""

import pytest

from middlewares.split.deciding.identities import identity_of

FIELDS = [
    (b"X-User", b"ann"),
    (b"x-user", b"bob"),
    (b"Cookie", b"a=1; sid=; sid=s1"),
    (b"COOKIE", b"sid=s2"),
]


@pytest.mark.parametrize(
    ("by", "name", "subject", "identity"),
    [
        ("client", b"", "subject:ab", b"client\x0010.0.0.1"),
        ("subject", b"", "subject:ab", b"subject\x00subject:ab"),
        ("subject", b"", None, b"client\x0010.0.0.1"),
        ("header", b"x-user", None, b"header\x00ann, bob"),
        ("header", b"x-other", None, b"client\x0010.0.0.1"),
        ("cookie", b"sid", None, b"cookie\x00s1"),
        ("cookie", b"SID", None, b"client\x0010.0.0.1"),
    ],
)
def test_who_lacks_what_is_asked_for_goes_by_client(by, name, subject, identity) -> None:  # type: ignore[no-untyped-def]
    found = identity_of(by, name, subject=subject, client="10.0.0.1", fields=FIELDS)
    assert found == identity


def test_an_empty_header_is_none() -> None:
    found = identity_of("header", b"x-user", subject=None, client="c", fields=[(b"X-User", b"")])
    assert found == b"client\0c"
