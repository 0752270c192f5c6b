"""What a session is worth at a time, and what a renewal changes of it."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding import session as sessions
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.session import Session, Standing, begin, renewed
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed, Tokens

TOKENS = Tokens("id", "access", "refresh", ("openid",), 300.0)
CLAIMS = {"sub": "ada", "sid": "s1", "iss": "https://id.example", "nonce": "n", "at_hash": "h"}


def begun(tokens: Tokens = TOKENS, now_s: float = 1000.0, lasts_s: float = 3600.0) -> Session:
    return begin(
        tokens,
        CLAIMS,
        session_id="i",
        subject="sub",
        asked=("openid", "email"),
        lasts_s=lasts_s,
        now_s=now_s,
    )


@pytest.mark.parametrize(
    ("now_s", "standing"),
    [
        (1000, Standing.FRESH),
        (1239, Standing.FRESH),
        (1240, Standing.DUE),
        (1299, Standing.DUE),
        (1300, Standing.OVERDUE),
        (4599, Standing.OVERDUE),
        (4600, Standing.OVER),
    ],
)
def test_tokens_are_due_a_minute_ahead(now_s: float, standing: Standing) -> None:
    assert begun().standing(now_s) is standing


def test_of_short_tokens_the_last_quarter_is_ahead() -> None:
    session = begun(replace(TOKENS, lasts_s=20.0))
    assert session.standing(1014.9) is Standing.FRESH
    assert session.standing(1015) is Standing.DUE


def test_without_a_refresh_token_nothing_is_due() -> None:
    session = begun(replace(TOKENS, refresh_token=""))
    assert session.standing(4599) is Standing.FRESH
    assert session.next_look_s() == 4600
    assert session.standing(4600) is Standing.OVER


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(0, 2e6))
def test_until_the_next_look_a_session_stays_fresh(
    life_s: float, lasts_s: float, later_s: float
) -> None:
    session = begun(replace(TOKENS, lasts_s=life_s), lasts_s=lasts_s)
    if 1000 + later_s < session.next_look_s():
        assert session.standing(1000 + later_s) is Standing.FRESH
    assert session.next_look_s() <= session.ends_s


def test_a_session_keeps_what_was_granted_and_no_spent_claims() -> None:
    session = begun(replace(TOKENS, scopes=None))
    assert session.scopes == ("openid", "email")
    assert begun().scopes == ("openid",)
    assert set(session.claims) == {"sub", "sid", "iss"}
    assert (session.sid, session.subject, session.user) == ("s1", "ada", "ada")


def test_the_subject_may_be_another_claim() -> None:
    claims = {**CLAIMS, "email": "ada@example.com"}
    arguments = {"session_id": "i", "asked": (), "lasts_s": 1.0, "now_s": 0.0}
    session = begin(TOKENS, claims, subject="email", **arguments)  # type: ignore[arg-type]
    assert (session.subject, session.user) == ("ada@example.com", "ada")
    for wrong in ({}, {"email": ""}, {"email": 7}):
        with pytest.raises(NotAsAgreed):
            begin(TOKENS, {**CLAIMS, **wrong}, subject="email", **arguments)  # type: ignore[arg-type]


def test_a_renewal_changes_the_tokens_and_never_the_end() -> None:
    session = begun()
    tokens = Tokens("id2", "access2", "refresh2", None, 600.0)
    after = renewed(session, tokens, {**CLAIMS, "role": "admin"}, 1250.0)
    assert (after.generation, after.id_token, after.refresh_token) == (1, "id2", "refresh2")
    assert (after.ends_s, after.began_s, after.tokens_end_s) == (4600, 1000, 1850)
    assert after.claims["role"] == "admin"
    assert after.scopes == session.scopes


def test_a_renewal_that_brings_little_keeps_the_rest() -> None:
    """A provider need not give a new refresh token or ID token (RFC 6749 §6, OpenID Connect Core §12.2)."""
    after = renewed(begun(), Tokens(lasts_s=300.0), None, 1250.0)
    assert (after.id_token, after.refresh_token, after.claims["sub"]) == ("id", "refresh", "ada")
    assert after.tokens_end_s == 1550


def test_a_session_comes_back_as_it_was_written() -> None:
    for session in (begun(), begun(replace(TOKENS, refresh_token=""))):
        assert sessions.read(sessions.write(session)) == session
    assert sessions.read_reference(sessions.write_reference("i", 7.5)) == ("i", 7.5)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"[1,2]", b"\xff", b"7"])
def test_anything_else_is_no_session(content: bytes) -> None:
    with pytest.raises(NotSealedHere):
        sessions.read(content)
    if orjson.dumps([1, 2]) != content:
        with pytest.raises(NotSealedHere):
            sessions.read_reference(content)


def test_no_token_is_shown() -> None:
    text = repr(begun()) + repr(TOKENS)
    assert not any(f"'{secret}'" in text for secret in ("id", "access", "refresh", "i"))
