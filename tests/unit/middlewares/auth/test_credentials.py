"""The credentials of a request: both readers find the same ones, and the same mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.deciding import Credentials, credentials_of, credentials_of_lines
from middlewares.hygiene.deciding import FieldLine

NAMES = [
    "Authorization",
    "aUTHORIZATION",
    "X-API-Key",
    "x-api-key",
    "X_API_Key",
    "x_api-key",
    "Cookie",
    "COOKIE",
]
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
FIELD_LISTS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4)


def read(fields: list[FieldLine]) -> tuple[Credentials, Credentials]:
    lines = [b"%b: %b" % field for field in fields]
    right = [(name, value) for name, value in fields if b"_" not in name]
    return credentials_of_lines(lines), credentials_of(right)


@given(FIELD_LISTS)
def test_lines_are_read_as_fields_are(fields: list[tuple[str, str]]) -> None:
    by_lines, by_fields = read(
        [(name.encode(), value.strip().encode("latin-1")) for name, value in fields]
    )
    assert by_lines == by_fields


def test_what_is_found() -> None:
    lines = [
        b"authorization: bEARER  x",
        b"Cookie: a=1",
        b"X_API_KEY: no",
        b"X-Api-Key: k",
        b"cookie: b=2",
    ]
    assert credentials_of_lines(lines) == Credentials(b"bearer", b"x", b"k", b"a=1; b=2")
    assert credentials_of_lines([]) == Credentials()
    assert credentials_of_lines([b"Authorization: "]) == Credentials(b"")


@pytest.mark.parametrize("name", [b"Authorization", b"X-API-Key"])
def test_a_field_that_comes_twice_is_a_mistake(name: bytes) -> None:
    found = credentials_of_lines([name + b": a", name.lower() + b": a"])
    assert found.mistake == f"the request has more than one {name.decode()}"
