"""One log-in: what is remembered of it in the browser, where it sends the browser, what comes back."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode

import orjson

from middlewares.auth.ways.oidc.deciding.pkce import challenge_of
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

#: A log-in that takes longer has to begin again.
LOGIN_S: Final = 600.0

#: 32 random bytes as base64url.
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_MOST_PARAMETERS = 32
_MOST_QUERY = 8 * 1024
_OWN_PARAMETERS = ("state", "code", "error", "iss")


@dataclass(frozen=True, slots=True)
class Login:
    """What a browser keeps, sealed, between the redirect to the provider and the callback."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    target: str
    began_s: float


@dataclass(frozen=True, slots=True)
class Callback:
    """What the provider sent with the browser: a code, or an error."""

    state: str
    code: str = field(repr=False)
    error: str
    iss: str | None


def write(login: Login) -> bytes:
    """The log-in as it is sealed."""
    return orjson.dumps([login.state, login.nonce, login.verifier, login.target, login.began_s])


def read(content: bytes, now_s: float) -> Login:
    """The log-in that `write` wrote. Raises NotSealedHere if it is of another form, or too old."""
    try:
        login = Login(*orjson.loads(content))
        is_over = now_s >= login.began_s + LOGIN_S
    except (TypeError, ValueError) as error:
        raise NotSealedHere("not a log-in of this version") from error
    if is_over:
        raise NotSealedHere("a log-in that took too long")
    return login


def authorization_url(
    endpoint: str, login: Login, *, client_id: str, redirect_uri: str, scopes: Sequence[str]
) -> str:
    """Where the browser goes to log in (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3)."""
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": challenge_of(login.verifier),
            "code_challenge_method": "S256",
        }
    )
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def read_callback(query: str) -> Callback:
    """What a callback says. Raises NotAsAgreed if it has no state, or one parameter twice."""
    if len(query) > _MOST_QUERY:
        raise NotAsAgreed("the callback's query is too long")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise NotAsAgreed("the callback has too many parameters") from error
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values and name in _OWN_PARAMETERS:
            raise NotAsAgreed(f"the callback has {name} twice")
        values.setdefault(name, value)
    state, code, error_code = (
        values.get("state", ""),
        values.get("code", ""),
        values.get("error", ""),
    )
    if not _STATE.fullmatch(state):
        raise NotAsAgreed("the callback has no state of ours")
    if bool(code) == bool(error_code):
        raise NotAsAgreed("the callback has neither a code nor an error, or both")
    return Callback(state, code, error_code, values.get("iss"))


def check_callback(callback: Callback, login: Login, *, issuer: str, needs_iss: bool) -> None:
    """Check that a callback answers this log-in, and comes from its provider (RFC 9207 §2.4).

    Raises NotAsAgreed.
    """
    if not hmac.compare_digest(callback.state.encode(), login.state.encode()):
        raise NotAsAgreed("the state is of another log-in")
    if callback.iss is None:
        if needs_iss:
            raise NotAsAgreed("the callback does not say who issued it")
    elif callback.iss != issuer:
        raise NotAsAgreed("the callback is of another issuer")


def code_request(callback: Callback, login: Login, redirect_uri: str) -> dict[str, str]:
    """The form that turns a code into tokens (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    return {
        "grant_type": "authorization_code",
        "code": callback.code,
        "redirect_uri": redirect_uri,
        "code_verifier": login.verifier,
    }


def refresh_request(refresh_token: str) -> dict[str, str]:
    """The form that renews tokens (RFC 6749 §6)."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}
