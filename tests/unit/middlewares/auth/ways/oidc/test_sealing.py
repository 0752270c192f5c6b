"""Sealed values: opened by the same key for the same use, and in no other way."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding.base64url import decode, encode
from middlewares.auth.ways.oidc.deciding.sealing import (
    NONCE_BYTES,
    Key,
    Keyring,
    NotSealedHere,
    hkdf,
    use_of,
)

FIRST, SECOND = b"1" * 32, b"2" * 64
NONCE = bytes(range(NONCE_BYTES))
USE = use_of("session", "staff", "app.example")
RING = Keyring.of_secrets([FIRST])


@given(st.binary(max_size=5000), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES))
def test_what_was_sealed_is_opened(content: bytes, nonce: bytes) -> None:
    sealed = RING.seal(content, USE, nonce)
    assert RING.open(sealed, USE) == content
    assert len(content) < 16 or content not in decode(sealed)[17:]


@given(st.data())
def test_a_change_of_any_bit_is_seen(data: st.DataObject) -> None:
    raw = bytearray(decode(RING.seal(b"ada", USE, NONCE)))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(NotSealedHere):
        RING.open(encode(bytes(raw)), USE)


@given(st.one_of(st.text(), st.binary().map(encode)))
def test_nothing_else_is_opened(text: str) -> None:
    with pytest.raises(NotSealedHere):
        RING.open(text, USE)


def test_a_value_has_one_spelling() -> None:
    sealed = RING.seal(b"ada", USE, NONCE)
    for other in (sealed + "=", sealed + "\n", f" {sealed}", sealed[:-1]):
        with pytest.raises(NotSealedHere):
            RING.open(other, USE)


@pytest.mark.parametrize(
    "other",
    [
        use_of("login", "staff", "app.example"),
        use_of("session", "admins", "app.example"),
        use_of("session", "staff", "other.example"),
        use_of("session", "staff"),
        b"",
    ],
)
def test_a_value_is_good_for_its_use_alone(other: bytes) -> None:
    with pytest.raises(NotSealedHere):
        RING.open(RING.seal(b"ada", USE, NONCE), other)


_NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")))


@given(_NAMES, _NAMES)
def test_two_uses_are_never_spelled_alike(names: list[str], others: list[str]) -> None:
    assert (use_of("a", *names) == use_of("a", *others)) == (names == others)


def test_the_first_key_seals_and_every_key_opens() -> None:
    old, both, new = RING, Keyring.of_secrets([SECOND, FIRST]), Keyring.of_secrets([SECOND])
    assert both.open(old.seal(b"ada", USE, NONCE), USE) == b"ada"
    assert new.open(both.seal(b"ada", USE, NONCE), USE) == b"ada"
    with pytest.raises(NotSealedHere):
        new.open(old.seal(b"ada", USE, NONCE), USE)


def test_a_short_secret_and_no_secret_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Keyring.of_secrets([b"1" * 31])
    with pytest.raises(ValueError, match="no key"):
        Keyring([])


@given(st.binary(min_size=1), st.binary(), st.integers(1, 32))
def test_keys_are_derived_as_rfc_5869_has_it(secret: bytes, info: bytes, length: int) -> None:
    reference = HKDF(hashes.SHA256(), length, b"lockgate oidc session", info).derive(secret)
    assert hkdf(secret, info, length) == reference


def test_no_key_is_shown() -> None:
    assert "111" not in repr(Key.derive(FIRST))
    assert repr(Key.derive(FIRST).secret) not in repr(Key.derive(FIRST))
