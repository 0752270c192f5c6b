"""What a token endpoint answers, and what an ID token must say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding.tokens import (
    DEFAULT_LIFE_S,
    MOST_TOKEN_CHARACTERS,
    NotAsAgreed,
    check_login_claims,
    check_renewed_claims,
    read_error,
    read_tokens,
)

LOGIN = {"sub": "ada", "aud": "lockgate", "nonce": "n"}


def test_the_tokens_of_an_answer_are_read() -> None:
    tokens = read_tokens(
        {
            "id_token": "i",
            "access_token": "a",
            "refresh_token": "r",
            "scope": "openid  x",
            "expires_in": 60,
        }
    )
    assert (tokens.id_token, tokens.access_token, tokens.refresh_token) == ("i", "a", "r")
    assert (tokens.scopes, tokens.lasts_s) == (("openid", "x"), 60.0)
    little = read_tokens({"id_token": None})
    assert (little.id_token, little.scopes, little.lasts_s) == ("", None, DEFAULT_LIFE_S)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("60", 60.0),
        (60.5, 60.5),
        (0, 1.0),
        (-5, 1.0),
        (10**12, 86400.0 * 30),
        (True, DEFAULT_LIFE_S),
        ("soon", DEFAULT_LIFE_S),
        ("٣", DEFAULT_LIFE_S),
        ([], DEFAULT_LIFE_S),
        (None, DEFAULT_LIFE_S),
    ],
)
def test_the_life_of_tokens_is_bounded(said: object, expected: float) -> None:
    assert read_tokens({"expires_in": said}).lasts_s == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "x",
        {"id_token": 7},
        {"refresh_token": ["r"]},
        {"id_token": "x" * (MOST_TOKEN_CHARACTERS + 1)},
    ],
)
def test_an_answer_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(NotAsAgreed):
        read_tokens(document)


_JSON = st.recursive(
    st.none() | st.text() | st.integers() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_JSON)
def test_an_error_is_a_short_printable_word(document: Any) -> None:
    for one in (document, {"error": document}):
        error = read_error(one)
        assert 0 < len(error) <= 64
        assert error.isprintable()
        assert error.isascii()


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "m"},
        {"nonce": None},
        {"nonce": 7},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"azp": "other"},
        {"aud": ["lockgate", "other"]},
        {"aud": ["lockgate", "other"], "azp": "other"},
    ],
)
def test_an_id_token_of_another_log_in_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAsAgreed):
        check_login_claims({**LOGIN, **wrong}, client_id="lockgate", nonce="n")


@pytest.mark.parametrize(
    "more",
    [{}, {"azp": "lockgate"}, {"aud": ["lockgate"]}, {"aud": ["lockgate", "o"], "azp": "lockgate"}],
)
def test_an_id_token_of_this_log_in_is_taken(more: dict[str, Any]) -> None:
    check_login_claims({**LOGIN, **more}, client_id="lockgate", nonce="n")


@pytest.mark.parametrize(
    ("claims", "is_right"),
    [
        ({"sub": "ada", "iss": "i"}, True),
        ({"sub": "ada", "iss": "i", "auth_time": 5}, True),
        ({"sub": "ada", "iss": "i", "auth_time": 6}, False),
        ({"sub": "eve", "iss": "i"}, False),
        ({"sub": "ada", "iss": "j"}, False),
        ({"iss": "i"}, False),
        ({"sub": "ada", "iss": "i", "azp": "other"}, False),
    ],
)
def test_a_refreshed_id_token_is_of_the_same_user(claims: dict[str, Any], is_right: bool) -> None:
    before = {"iss": "i", "sub": "ada", "auth_time": 5}
    arguments = {"client_id": "lockgate", "subject": "ada", "before": before}
    if is_right:
        check_renewed_claims(claims, **arguments)  # type: ignore[arg-type]
        return
    with pytest.raises(NotAsAgreed):
        check_renewed_claims(claims, **arguments)  # type: ignore[arg-type]
