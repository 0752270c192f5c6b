"""Keys of random bytes: their form, and how a mistyped one is told from a real one."""

import hashlib
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.api_keys.deciding.key_text import digest_of, is_key, key_of

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY = key_of(bytes(range(32)))
RANDOM = st.binary(min_size=32, max_size=32)


@given(RANDOM)
def test_a_key_is_a_prefix_43_characters_of_the_random_bytes_and_6_of_their_checksum(
    random: bytes,
) -> None:
    key = key_of(random)
    prefix, characters, check = key[:3], key[3:46], key[46:]
    assert (prefix, len(key)) == ("lg_", 52)
    assert _number(characters) == int.from_bytes(random, "big")
    assert _number(check) == zlib.crc32(characters.encode())
    assert is_key(key.encode())


@given(RANDOM, st.integers(3, 51), st.sampled_from(DIGITS))
def test_a_key_with_one_wrong_character_is_none(random: bytes, place: int, wrong: str) -> None:
    key = key_of(random)
    mistyped = key[:place] + wrong + key[place + 1 :]
    assert is_key(mistyped.encode()) is (mistyped == key)


@given(RANDOM, st.integers(3, 50))
def test_a_key_with_two_neighbours_exchanged_is_none(random: bytes, place: int) -> None:
    key = key_of(random)
    mistyped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
    assert is_key(mistyped.encode()) is (mistyped == key)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"lg_",
        KEY.encode()[:-1],
        KEY.encode() + b"0",
        KEY.encode().upper(),
        b" " + KEY.encode()[1:],
        KEY.encode()[:20] + b"\xff" + KEY.encode()[21:],
        KEY.encode()[:20] + b"-" + KEY.encode()[21:],
        KEY.encode()[:20] + "\u0661".encode() + KEY.encode()[22:],
        b"lg_" + b"\x00" * 49,
        b"\xff" * 52,
        KEY.encode() * 20_000,
    ],
)
def test_other_bytes_are_no_key(text: bytes) -> None:
    assert not is_key(text)


@given(st.binary(max_size=60))
def test_any_bytes_can_be_asked_about(text: bytes) -> None:
    assert is_key(text) in (True, False)


def test_a_key_needs_256_random_bits() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        key_of(b"short")


def test_the_digest_is_the_sha_256_of_the_whole_key() -> None:
    assert digest_of(KEY.encode()) == hashlib.sha256(KEY.encode()).digest()


def _number(characters: str) -> int:
    number = 0
    for character in characters:
        number = number * 62 + DIGITS.index(character)
    return number
