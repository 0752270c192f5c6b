"""What a provider's token endpoint answers (RFC 6749 §5), and what is checked of an ID token's claims."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

#: Tokens without an end are renewed after this time.
DEFAULT_LIFE_S: Final = 300.0
_LEAST_LIFE_S = 1.0
_MOST_LIFE_S = 86_400.0 * 30
MOST_TOKEN_CHARACTERS: Final = 16 * 1024

#: RFC 6749 §5.2: an error is a word of printable ASCII without quotes and backslashes.
_ERROR = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}")
#: The errors after which the same refresh token will never do again.
FINAL_ERRORS: Final = frozenset({"invalid_grant"})


class NotAsAgreed(Exception):
    """What the provider or a browser brought breaks the protocol; the message says how, without values."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one answer; those that did not come are empty. `scopes` None: not named."""

    id_token: str = field(repr=False, default="")
    access_token: str = field(repr=False, default="")
    refresh_token: str = field(repr=False, default="")
    scopes: tuple[str, ...] | None = None
    lasts_s: float = DEFAULT_LIFE_S

    def without_id_token(self) -> "Tokens":
        """These tokens without the ID token, which could not be checked."""
        return replace(self, id_token="")


def read_tokens(document: Any) -> Tokens:
    """The tokens of a successful answer. Raises NotAsAgreed."""
    if not isinstance(document, dict):
        raise NotAsAgreed("the token endpoint's answer is no JSON object")
    scope = document.get("scope")
    return Tokens(
        id_token=_token(document, "id_token"),
        access_token=_token(document, "access_token"),
        refresh_token=_token(document, "refresh_token"),
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
        lasts_s=_life_s(document.get("expires_in")),
    )


def read_error(document: Any) -> str:
    """The `error` of an answer, for the log and to decide by; `unknown` if it names none."""
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else "unknown"


def _token(document: Mapping[str, Any], name: str) -> str:
    token = document.get(name, "")
    if token is None:
        return ""
    if not isinstance(token, str) or len(token) > MOST_TOKEN_CHARACTERS:
        raise NotAsAgreed(f"{name} is no text, or too long")
    return token


def _life_s(value: Any) -> float:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)  # some providers write it as text
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DEFAULT_LIFE_S
    return min(_MOST_LIFE_S, max(_LEAST_LIFE_S, float(value)))


def check_login_claims(claims: Mapping[str, Any], *, client_id: str, nonce: str) -> None:
    """Check what a log-in's ID token says beyond signature, issuer, audience and times.

    OpenID Connect Core §3.1.3.7. Raises NotAsAgreed.
    """
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise NotAsAgreed("the ID token's nonce is not the one of this log-in")
    _check_subject(claims)
    _check_authorized_party(claims, client_id)


def check_renewed_claims(
    claims: Mapping[str, Any], *, client_id: str, subject: str, before: Mapping[str, Any]
) -> None:
    """Check a refreshed ID token: it is of the same user (OpenID Connect Core §12.2). Raises NotAsAgreed."""
    _check_subject(claims)
    if claims["sub"] != subject:
        raise NotAsAgreed("the refreshed ID token is of another user")
    if claims.get("iss") != before.get("iss"):
        raise NotAsAgreed("the refreshed ID token is of another issuer")
    if claims.get("auth_time", before.get("auth_time")) != before.get("auth_time"):
        raise NotAsAgreed("the refreshed ID token is of another log-in")
    _check_authorized_party(claims, client_id)


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise NotAsAgreed("the ID token has no sub")


def _check_authorized_party(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if ("azp" in claims or several) and claims.get("azp") != client_id:
        raise NotAsAgreed("the ID token was made for another client")
