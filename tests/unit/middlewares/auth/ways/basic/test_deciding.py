"""How `Authorization: Basic` is read (RFC 7617)."""

from base64 import b64encode

import pytest

from middlewares.auth.ways.basic.deciding import (
    MOST_TOKEN_BYTES,
    UserPass,
    challenge,
    key_of,
    stand_in,
    user_pass,
)
from middlewares.auth.ways.basic.htpasswd import Hashed


def test_the_name_ends_at_the_first_colon() -> None:
    assert user_pass(b64encode(b"alice:a:b:c")) == UserPass("alice", "a:b:c")


def test_the_password_may_be_empty_and_both_parts_may_have_any_letters() -> None:
    assert user_pass(b64encode(b"alice:")) == UserPass("alice", "")
    assert user_pass(b64encode("zoë:pässword £".encode())) == UserPass("zoë", "pässword £")


def test_a_name_is_compared_by_its_letters() -> None:
    assert user_pass(b64encode("zoe\u0308:p".encode())) == UserPass("zo\u00eb", "p")


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"alice:secret",
        b64encode(b"alice"),
        b64encode(b"alice:\xff"),
        b64encode(b"al\x00ice:a"),
        b64encode(b"alice:a\nb"),
        b64encode(b"alice:a\x7f"),
        b64encode(b"alice:secret")[:-1],
        b64encode(b"alice:secret") + b"=",
        b64encode(b"alice:secret") + b" x",
        b"*" * 8,
        b64encode(b"alice:" + b"a" * MOST_TOKEN_BYTES),
    ],
)
def test_whatever_else_stands_there_is_not_valid(token: bytes) -> None:
    assert user_pass(token) is None


def test_the_challenge_asks_for_utf_8_and_quotes_the_realm() -> None:
    assert challenge('the "back" \\office') == (
        'Basic realm="the \\"back\\" \\\\office", charset="UTF-8"'
    )


def test_a_password_is_not_in_a_representation() -> None:
    assert "secret" not in repr(UserPass("alice", "secret"))


def test_what_a_credential_is_known_by_depends_on_the_secret_and_does_not_show_it() -> None:
    token = b64encode(b"alice:secret")
    assert key_of(b"1", token) == key_of(b"1", token) != key_of(b"2", token)
    assert token not in key_of(b"1", token)


def test_an_unknown_name_always_has_the_same_stand_in_and_names_have_all_of_them() -> None:
    users = tuple((f"user{number}", Hashed("bcrypt", b"")) for number in range(3))
    names = [f"unknown{number}" for number in range(100)]
    found = [stand_in(b"k", users, name) for name in names]
    assert found == [stand_in(b"k", users, name) for name in names]
    assert {*found} == {0, 1, 2}
