"""Reads `Authorization: Basic` (RFC 7617), and says what a checked password is remembered by."""

import base64
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from middlewares.auth.ways.basic.htpasswd import Users, normal

#: Longer credentials are refused as they are.
MOST_TOKEN_BYTES: Final = 4096
_BASE64: Final = re.compile(
    rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_QUOTED: Final = re.compile(r'(["\\])')


@dataclass(frozen=True, slots=True)
class UserPass:
    """A name and a password, as a client sends them."""

    name: str
    password: str = field(repr=False)


def challenge(realm: str) -> str:
    """The challenge of a 401; the realm is of printable ASCII."""
    quoted = _QUOTED.sub(r"\\\1", realm)
    return f'Basic realm="{quoted}", charset="UTF-8"'


def user_pass(token: bytes) -> UserPass | None:
    """What stands behind `Basic`; None: it is not valid (RFC 7617 §2).

    The name ends at the first colon. Neither part has control characters, and both are UTF-8, since the
    challenge asks for it.
    """
    if len(token) > MOST_TOKEN_BYTES:
        return None
    if not _BASE64.fullmatch(token):
        return None
    try:
        text = base64.b64decode(token).decode()
    except UnicodeDecodeError:
        return None
    name, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return UserPass(normal(name), password)


def key_of(secret: bytes, token: bytes) -> bytes:
    """What a credential is known by: a hash with a secret, and never the password."""
    return blake2b(token, key=secret, digest_size=32).digest()


def stand_in(secret: bytes, users: Users, name: str) -> int:
    """Whose hash the password of an unknown name is checked against; there is one user at least.

    It is always the same one for a name, so that the time that a check takes tells nothing about which
    names there are, even if the users' hashes take different times.
    """
    hashed = blake2b(name.encode(), key=secret, digest_size=8).digest()
    return int.from_bytes(hashed) % len(users)
