"""Seals values with AES-256-GCM under keys that are derived from secrets (HKDF, RFC 5869)."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from middlewares.auth.ways.oidc.deciding.base64url import decode, encode
from middlewares.auth.ways.oidc.spec import LEAST_SECRET_BYTES

#: Of a random nonce (NIST SP 800-38D §8.2.2).
NONCE_BYTES: Final = 12

_VERSION = b"\x01"
_ID_BYTES = 4
_KEY_BYTES = 32
_TAG_BYTES = 16
_HEAD_BYTES = len(_VERSION) + _ID_BYTES + NONCE_BYTES
_SALT = b"lockgate oidc session"


class NotSealedHere(ValueError):
    """The value was not sealed with one of these keys for this use, or was changed since."""


@dataclass(frozen=True)
class Key:
    """One key and its public name."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: bytes) -> "Key":
        """Derive a key. Raises ValueError if the secret is shorter than 256 bits."""
        if len(secret) < LEAST_SECRET_BYTES:
            raise ValueError(f"a secret has at least {LEAST_SECRET_BYTES} bytes")
        made = hkdf(secret, b"key", _KEY_BYTES)
        return cls(hkdf(secret, b"key id", _ID_BYTES), made)


class Keyring:
    """Seals with the first key; opens what any of the keys has sealed, so that keys can be replaced."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise ValueError("there is no key")
        self._first = keys[0]
        # A key that stands twice, or shares its id, is found at its first place.
        self._ciphers = {key.id: AESGCM(key.secret) for key in reversed(keys)}

    @classmethod
    def of_secrets(cls, secrets: Sequence[bytes]) -> "Keyring":
        """A keyring of one key for each secret. Raises ValueError if one is too short."""
        return cls([Key.derive(secret) for secret in secrets])

    def seal(self, content: bytes, use: bytes, nonce: bytes) -> str:
        """Seal content for one `use`, which must be named again to open it; `nonce` is random."""
        sealed = self._ciphers[self._first.id].encrypt(nonce, content, _bound(use))
        return encode(_VERSION + self._first.id + nonce + sealed)

    def open(self, text: str, use: bytes) -> bytes:
        """The content that was sealed for this use. Raises NotSealedHere."""
        try:
            data = decode(text)
        except ValueError as error:
            raise NotSealedHere("not base64url") from error
        if len(data) < _HEAD_BYTES + _TAG_BYTES or data[:1] != _VERSION:
            raise NotSealedHere("not in the form of a sealed value")
        cipher = self._ciphers.get(data[1 : 1 + _ID_BYTES])
        if cipher is None:
            raise NotSealedHere("sealed with another key")
        nonce = data[1 + _ID_BYTES : _HEAD_BYTES]
        try:
            return cipher.decrypt(nonce, data[_HEAD_BYTES:], _bound(use))
        except InvalidTag as error:
            raise NotSealedHere("changed, or sealed for another use") from error


def use_of(kind: str, *names: str) -> bytes:
    """The use of a sealed value: what kind it is, and for which way and host."""
    return b"\0".join(part.encode("utf-8", "surrogateescape") for part in (kind, *names))


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """Derive at most 32 bytes from a secret by HKDF with SHA-256 (RFC 5869)."""
    extracted = hmac.digest(_SALT, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)[:length]


def _bound(use: bytes) -> bytes:
    return _SALT + b"\0" + use
