"""Keys that can be used, and those that can't, with the reason."""

import itertools
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from middlewares.auth.ways.jwt.deciding.keys import (
    BadKey,
    KeySet,
    key_set,
    secret_key,
    verifying_key,
)
from tests.support.tokens import ED25519_KEY, P256_KEY, P384_KEY, RSA_KEY, SECRET, b64, jwk

RSA_JWK, EC_JWK = jwk(RSA_KEY), jwk(P256_KEY)
OCT = {"kty": "oct", "k": b64(SECRET).decode()}


@pytest.mark.parametrize(
    ("given", "algorithms"),
    [
        (RSA_JWK, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ({**RSA_JWK, "alg": "PS256", "use": "sig", "key_ops": ["verify"]}, {"PS256"}),
        (EC_JWK, {"ES256"}),
        (jwk(P384_KEY), {"ES384"}),
        (jwk(ECKey.generate_key("secp256k1")), {"ES256K"}),
        (jwk(ED25519_KEY), {"EdDSA", "Ed25519"}),
        (jwk(OKPKey.generate_key("Ed448")), {"EdDSA", "Ed448"}),
        (OCT, {"HS256", "HS384", "HS512"}),
    ],
    ids=["RSA", "RSA-PS256", "P-256", "P-384", "secp256k1", "Ed25519", "Ed448", "oct"],
)
def test_a_key_fits_the_algorithms_of_its_kind(given: dict[str, Any], algorithms: set[str]) -> None:
    assert verifying_key(given, secrets=True).algorithms == algorithms


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "no kind"),
        ({"kty": "DH"}, "no kind"),
        ({"kty": ["RSA"]}, "no kind"),
        ({**EC_JWK, "kty": "ec"}, "no kind"),
        ({**EC_JWK, "kid": 1}, "kid"),
        ({**EC_JWK, "use": "enc"}, "use"),
        ({**EC_JWK, "use": None}, "use"),
        ({**EC_JWK, "key_ops": ["sign"]}, "key_ops"),
        ({**EC_JWK, "key_ops": []}, "key_ops"),
        ({**EC_JWK, "key_ops": "verify"}, "key_ops"),
        ({**EC_JWK, "key_ops": ["verify", "verify"]}, "key_ops"),
        ({**EC_JWK, "alg": "ES384"}, "alg"),
        ({**EC_JWK, "alg": "HS256"}, "alg"),
        ({**EC_JWK, "alg": "none"}, "alg"),
        ({**EC_JWK, "alg": ["ES256"]}, "alg"),
        ({**EC_JWK, "alg": None}, "alg"),
        ({**EC_JWK, "crv": "P-384"}, "not valid"),
        ({**EC_JWK, "crv": "P-192"}, "curve"),
        ({**EC_JWK, "x": EC_JWK["y"]}, "not valid"),
        ({**EC_JWK, "x": EC_JWK["x"] + "="}, "not valid"),
        ({**EC_JWK, "x": "", "y": ""}, "not valid"),
        ({**EC_JWK, "y": None}, "lacks y"),
        ({**jwk(ED25519_KEY), "crv": "X25519"}, "curve"),
        ({**jwk(ED25519_KEY), "x": "AAAA"}, "not valid"),
        ({**RSA_JWK, "e": "AQ"}, "not valid"),
        ({**RSA_JWK, "e": "AAAA"}, "not valid"),
        ({**RSA_JWK, "n": "AQAB"}, "bits"),
        ({**RSA_JWK, "n": "A" * 9000}, "bits"),
        ({**RSA_JWK, "n": "!"}, "base64url"),
        ({**OCT, "k": b64(SECRET[:31]).decode()}, "256 bits"),
        ({**OCT, "k": ""}, "256 bits"),
        ({**OCT, "alg": "ES256"}, "alg"),
    ],
    ids=itertools.count(),
)
def test_a_bad_key_is_refused_and_the_reason_shows_nothing_of_it(
    given: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadKey, match=why) as raised:
        verifying_key(given, secrets=True)
    shown = str(raised.value)
    assert not any(len(str(one)) > 20 and str(one) in shown for one in given.values())


def test_an_rsa_key_below_2048_bits_is_refused() -> None:
    with pytest.warns(match="2048"):
        weak = RSAKey.generate_key(1024)
    with pytest.raises(BadKey, match="1024 bits"):
        verifying_key(jwk(weak), secrets=False)


def test_a_shared_secret_is_no_key_for_a_public_address() -> None:
    with pytest.raises(BadKey, match="published"):
        verifying_key(OCT, secrets=False)


def test_a_secret_has_256_bits_at_least() -> None:
    assert secret_key(SECRET).algorithms == {"HS256", "HS384", "HS512"}
    with pytest.raises(BadKey, match="248 bits"):
        secret_key(SECRET[:31])


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY, ED25519_KEY], ids=["RSA", "EC", "OKP"])
def test_a_public_key_is_no_secret(key: Any) -> None:
    for content in (key.as_pem(private=False), key.as_der(private=False)):
        with pytest.raises(BadKey):
            secret_key(content)


def test_the_private_half_of_a_key_is_not_kept() -> None:
    key = verifying_key(P256_KEY.as_dict(private=True), secrets=False)
    assert not key.key.is_private


def test_nothing_shows_a_secret() -> None:
    keys = KeySet((secret_key(SECRET), verifying_key(OCT, secrets=True)))
    assert str(SECRET)[2:-1] not in repr(keys)
    assert OCT["k"] not in repr(keys)


def test_two_sets_of_the_same_keys_are_equal_and_others_are_not() -> None:
    def of(*keys: dict[str, Any]) -> KeySet:
        return key_set(json.dumps({"keys": keys}).encode(), secrets=False)[0]

    assert of(EC_JWK, RSA_JWK) == of({**EC_JWK, "x5t": "x"}, RSA_JWK)
    assert of(EC_JWK) != of(RSA_JWK)
    assert of(EC_JWK) != of({**EC_JWK, "kid": "a"})
    assert of(RSA_JWK) != of({**RSA_JWK, "alg": "RS256"})


def test_bad_keys_of_a_set_are_left_out_and_told() -> None:
    keys, left_out = key_set(
        json.dumps({"keys": [{"kty": "new"}, {**EC_JWK, "kid": "a"}, 5]}).encode(), secrets=False
    )
    assert [one.kid for one in keys.keys] == ["a"]
    assert [index for index, _ in left_out] == [0, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"<html>",
        json.dumps({"keys": [EC_JWK] * 101}).encode(),
    ],
    ids=["empty", "list", "nothing", "object", "twice", "page", "too many"],
)
def test_what_is_no_set_of_keys_is_refused(content: bytes) -> None:
    with pytest.raises(BadKey):
        key_set(content, secrets=False)
