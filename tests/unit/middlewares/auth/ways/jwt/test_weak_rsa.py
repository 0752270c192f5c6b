"""RSA keys of a faulty library are told from others by their modulus."""

import math
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from middlewares.auth.ways.jwt.deciding.keys import BadKey, verifying_key
from middlewares.auth.ways.jwt.deciding.weak_rsa import is_weak
from tests.support.tokens import RSA_KEY, b64, jwk

PRODUCT = math.prod(p for p in range(2, 702) if all(p % below for below in range(2, p)))


def faulty_factor(bits: int) -> int:
    """What the library takes for a prime; whether it is one does not matter here."""
    power = pow(65537, secrets.randbits(200), PRODUCT)
    return ((1 << (bits - 1)) // PRODUCT + 1 + secrets.randbits(20)) * PRODUCT + power


def test_a_modulus_of_the_faulty_library_is_weak() -> None:
    modulus = faulty_factor(1032) * faulty_factor(1032)
    assert is_weak(modulus)
    assert not is_weak(modulus + 2)
    key = {**jwk(RSA_KEY), "n": b64(modulus.to_bytes((modulus.bit_length() + 7) // 8)).decode()}
    with pytest.raises(BadKey, match="weak"):
        verifying_key(key, secrets=False)


def test_other_keys_are_not() -> None:
    public = RSA_KEY.public_key
    assert isinstance(public, RSAPublicKey)
    assert not is_weak(public.public_numbers().n)
    assert not any(is_weak(secrets.randbits(2048) | 1) for _ in range(1000))
