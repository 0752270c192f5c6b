"""One log-in: what goes out, and what comes back."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding import login as logins
from middlewares.auth.ways.oidc.deciding.login import (
    LOGIN_S,
    Callback,
    Login,
    authorization_url,
    check_callback,
    code_request,
    read_callback,
)
from middlewares.auth.ways.oidc.deciding.pkce import challenge_of
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

STATE, ISSUER = "s" * 43, "https://id.example"
BEGUN = Login(STATE, "n" * 43, "v" * 43, "/x", 1000.0)


@pytest.mark.parametrize("endpoint", ["https://id.example/a", "https://id.example/a?tenant=1"])
def test_the_provider_gets_what_openid_connect_and_pkce_want(endpoint: str) -> None:
    url = authorization_url(
        endpoint, BEGUN, client_id="lock&gate", redirect_uri="https://a/c", scopes=["openid", "x"]
    )
    query = {name: one for name, (one,) in parse_qs(urlsplit(url).query).items()}
    query.pop("tenant", None)
    assert query == {
        "response_type": "code",
        "client_id": "lock&gate",
        "redirect_uri": "https://a/c",
        "scope": "openid x",
        "state": STATE,
        "nonce": "n" * 43,
        "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
    }
    assert BEGUN.verifier not in url


def test_a_log_in_comes_back_as_it_was_written_for_ten_minutes() -> None:
    content = logins.write(BEGUN)
    assert logins.read(content, 1000.0 + LOGIN_S - 1) == BEGUN
    for wrong in (b"", b"[]", b"null", b'[1,2,3,4,"x"]', content[:-1]):
        with pytest.raises(NotSealedHere):
            logins.read(wrong, 1000.0)
    with pytest.raises(NotSealedHere, match="too long"):
        logins.read(content, 1000.0 + LOGIN_S)


def test_a_callback_is_read() -> None:
    query = urlencode({"code": "c d", "state": STATE, "iss": ISSUER, "session_state": "x"})
    assert read_callback(query) == Callback(STATE, "c d", "", ISSUER)
    query = urlencode({"error": "access_denied", "state": STATE})
    assert read_callback(query) == Callback(STATE, "", "access_denied", None)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c",
        f"code=c&state={STATE}x",
        f"code=c&state={'é' * 43}",
        f"state={STATE}",
        f"state={STATE}&code=",
        f"state={STATE}&code=c&error=e",
        f"state={STATE}&code=c&code=c",
        f"state={STATE}&state={STATE}&code=c",
        f"state={STATE}&code=c&iss=a&iss=b",
        f"state={STATE}&code=c" + "&a=b" * 50,
        f"state={STATE}&code=" + "c" * 9000,
    ],
)
def test_a_callback_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(NotAsAgreed):
        read_callback(query)


@given(st.text())
def test_no_callback_is_too_odd(query: str) -> None:
    with pytest.raises(NotAsAgreed):
        read_callback(query)


@pytest.mark.parametrize(
    ("iss", "needs_iss", "is_right"),
    [
        (ISSUER, True, True),
        (ISSUER, False, True),
        (None, False, True),
        (None, True, False),
        ("", False, False),
        (ISSUER + "/", False, False),
        ("https://evil.example", True, False),
    ],
)
def test_who_issued_a_callback_is_checked(iss: str | None, needs_iss: bool, is_right: bool) -> None:
    callback = Callback(STATE, "c", "", iss)
    if is_right:
        check_callback(callback, BEGUN, issuer=ISSUER, needs_iss=needs_iss)
        return
    with pytest.raises(NotAsAgreed):
        check_callback(callback, BEGUN, issuer=ISSUER, needs_iss=needs_iss)


def test_a_callback_of_another_log_in_is_refused() -> None:
    with pytest.raises(NotAsAgreed, match="another log-in"):
        check_callback(Callback("t" * 43, "c", "", ISSUER), BEGUN, issuer=ISSUER, needs_iss=True)


def test_the_code_goes_with_the_verifier() -> None:
    form = code_request(Callback(STATE, "c", "", None), BEGUN, "https://a/c")
    assert form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://a/c",
        "code_verifier": BEGUN.verifier,
    }


def test_nothing_secret_is_shown() -> None:
    text = repr(BEGUN) + repr(Callback(STATE, "the-code", "", None))
    assert BEGUN.verifier not in text
    assert BEGUN.nonce not in text
    assert "the-code" not in text
