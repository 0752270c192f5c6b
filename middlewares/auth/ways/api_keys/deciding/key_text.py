"""The text of an API key: made, and told from other texts without a look-up.

A key is `lg_`, 43 base62 characters of 256 random bits, and the CRC-32 of these 43 characters as 6 more.
"""

import hashlib
import zlib

PREFIX = b"lg_"
RANDOM_BYTES = 32
LENGTH = len(PREFIX) + 43 + 6

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS, _CHECK_CHARACTERS = 43, 6
_ALLOWED = frozenset(_DIGITS)


def key_of(random: bytes) -> str:
    """The key of these 32 random bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes")
    characters = _base62(int.from_bytes(random, "big"), _RANDOM_CHARACTERS)
    return (PREFIX + characters + checksum(characters)).decode("ascii")


def is_key(text: bytes) -> bool:
    """Whether a text has the form and the checksum of a key; a mistyped key has not."""
    if len(text) != LENGTH or not text.startswith(PREFIX):
        return False
    characters, check = text[len(PREFIX) : -_CHECK_CHARACTERS], text[-_CHECK_CHARACTERS:]
    return _ALLOWED.issuperset(characters) and checksum(characters) == check


def checksum(characters: bytes) -> bytes:
    """The last 6 characters of a key with these 43 characters."""
    return _base62(zlib.crc32(characters), _CHECK_CHARACTERS)


def digest_of(key: bytes) -> bytes:
    """The SHA-256 of a key, which is all of it that the registry and the workers keep."""
    return hashlib.sha256(key).digest()


def _base62(number: int, length: int) -> bytes:
    digits = bytearray(length)
    for place in reversed(range(length)):
        number, digit = divmod(number, 62)
        digits[place] = _DIGITS[digit]
    return bytes(digits)
