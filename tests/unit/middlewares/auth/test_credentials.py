"""The credentials of a request: both readers find the same ones, and the same mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.deciding import Credentials, credentials_of, credentials_of_lines

NAMES = {"authorization": "aUTHORIZATION", "x-api-key": "X-API-Key", "cookie": "Cookie"}
VALUES = [
    "",
    "Bearer x",
    "bEARER  x ",
    "Basic",
    "a=1; b=2",
    "lg_x",
    "Bearer\tx",
    "Bearer x y",
    "\xff",
]
FIELDS = st.dictionaries(st.sampled_from(list(NAMES)), st.sampled_from(VALUES))


@given(FIELDS, st.booleans())
def test_lines_are_read_as_fields_are(fields: dict[str, str], odd_case: bool) -> None:
    found = {
        name: (NAMES[name] if odd_case else name, value.strip().encode("latin-1"))
        for name, value in fields.items()
    }
    lines = [
        b"%b: %b" % (found[name][0].encode(), found[name][1]) if name in found else b""
        for name in NAMES
    ]
    as_fields = [(name.encode(), value) for name, value in found.values()]
    assert credentials_of_lines(lines) == credentials_of(as_fields)


def test_what_is_found() -> None:
    lines = [b"authorization: bEARER  x", b"X-Api-Key: k", b"Cookie: a=1"]
    assert credentials_of_lines(lines) == Credentials(b"bearer", b"x", b"k", b"a=1")
    assert credentials_of_lines([b"", b"", b""]) == Credentials()
    assert credentials_of_lines([b"Authorization: ", b"", b""]) == Credentials(b"")


def test_cookies_are_joined() -> None:
    fields = [(b"Cookie", b"a=1"), (b"X_API_KEY", b"no"), (b"cookie", b"b=2")]
    assert credentials_of(fields) == Credentials(cookie=b"a=1; b=2")


@pytest.mark.parametrize("name", [b"Authorization", b"X-API-Key"])
def test_a_field_that_comes_twice_is_a_mistake(name: bytes) -> None:
    found = credentials_of([(name, b"a"), (name.lower(), b"a")])
    assert found.mistake == f"the request has more than one {name.decode()}"
