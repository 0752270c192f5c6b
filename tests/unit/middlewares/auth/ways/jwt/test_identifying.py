"""What the claims of a token make of its bearer."""

import itertools
from typing import Any

import pytest

from middlewares.auth.deciding import Identity
from middlewares.auth.ways.jwt.deciding.identifying import identity_of
from middlewares.auth.ways.jwt.deciding.tokens import BadToken


def made(subject: str = "sub", scopes: str = "scope", **claims: Any) -> Identity:
    return identity_of(
        {"sub": "ada", **claims}, way="users", subject=subject, scopes=scopes, ends_s=5.0
    )


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ("a b", {"a", "b"}),
        ("  a   b ", {"a", "b"}),
        ("", set()),
        (["a", "b", "a"], {"a", "b"}),
        ([], set()),
        (None, set()),
        (["orders:read", "größe"], {"orders:read"}),
    ],
    ids=itertools.count(),
)
def test_scopes_are_a_text_or_a_list(said: object, scopes: set[str]) -> None:
    assert made(scope=said).scopes == scopes
    assert made(scopes="scp", scp=said, scope="other").scopes == scopes


@pytest.mark.parametrize(
    "said",
    [5, True, {"a": 1}, ["a", 5], ["a b"], ["a\r\nX-Auth-Subject: root"], "a\nb", "a\tb", ["\0"]],
    ids=repr,
)
def test_scopes_that_would_be_others_where_they_are_sent_on_are_refused(said: object) -> None:
    with pytest.raises(BadToken, match="scope"):
        made(scope=said)


@pytest.mark.parametrize(
    "said", [None, "", 5, True, ["ada"], "a\nb", "\u200b", "x" * 257, "ä" * 129], ids=repr
)
def test_a_subject_that_is_no_printable_text_of_256_bytes_is_refused(said: object) -> None:
    with pytest.raises(BadToken):
        made(sub=said)


def test_the_subject_may_be_another_claim() -> None:
    assert made(subject="email", email="ada@example.com").subject == "ada@example.com"
    with pytest.raises(BadToken, match="email"):
        made(subject="email")


def test_claims_that_routes_can_ask_for_are_handed_on() -> None:
    claims = made(
        role=["admin", 5, {"a": 1}, None], level=3, vip=True, deep={"a": 1}, nothing=None
    ).claims
    assert claims["role"] == ("admin", 5)
    assert (claims["level"], claims["vip"]) == (3, True)
    assert "deep" not in claims
    assert "nothing" not in claims


def test_the_identity_ends_with_the_token_and_names_its_way() -> None:
    identity = made()
    assert (identity.way, identity.method, identity.ends_s) == ("users", "jwt", 5.0)
