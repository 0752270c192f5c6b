"""A token in its parts (RFC 7515 §7.1): nothing of what is read here is trusted yet."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from middlewares.auth.ways.jwt.deciding.strict_json import json_object

#: A longer token is refused unread.
MOST_BYTES: Final = 16 * 1024


class BadToken(Exception):
    """The token is not valid. The message is for people who operate, and shows nothing of the token."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in its parts; `signed` is what its signature is of."""

    algorithm: str
    kid: str | None
    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes


def base64url(part: bytes) -> bytes:
    """The decoded bytes; ValueError unless this is the one spelling that they have (RFC 7515 §2)."""
    found = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if urlsafe_b64encode(found).rstrip(b"=") != part:
        raise ValueError("is no base64url")
    return found


def token_of(text: bytes) -> Token:
    """Take a token apart; raises BadToken."""
    if len(text) > MOST_BYTES:
        raise BadToken(f"it has more than {MOST_BYTES} bytes")
    parts = text.split(b".", 3)
    if len(parts) != 3:
        raise BadToken("it is not three parts with a point between them")
    signed = text[: len(parts[0]) + 1 + len(parts[1])]
    payload = _decoded("payload", parts[1])
    signature = _decoded("signature", parts[2])
    if not signature:
        raise BadToken("it has no signature")
    try:
        header = json_object(_decoded("header", parts[0]))
    except ValueError as error:
        raise BadToken(f"its header {error}") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise BadToken("its header names no algorithm")
    if kid is not None and not isinstance(kid, str):
        raise BadToken("its kid is no text")
    _check_extensions(header)
    return Token(algorithm, kid, header, payload, signed, signature)


def _decoded(name: str, part: bytes) -> bytes:
    try:
        return base64url(part)
    except ValueError:
        raise BadToken(f"its {name} is no base64url") from None


def _check_extensions(header: Mapping[str, Any]) -> None:
    """Refuse what changes how the rest is to be read. Other fields, of providers too, mean nothing here."""
    if "crit" in header:
        raise BadToken("it wants extensions to be understood (crit)")
    if "cty" in header:
        raise BadToken("its content is something else than claims (cty)")
    if header.get("b64", True) is not True:
        raise BadToken("its payload is not encoded (b64)")
