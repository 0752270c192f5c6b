"""Signs tokens as an issuer would, and in all the ways that no issuer should."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from joserfc.jwa import JWS_ALGORITHMS
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

ISSUER = "https://id.example"
AUDIENCE = "lockgate"

_MODELS = {one.name: one for one in JWS_ALGORITHMS}

RSA_KEY = RSAKey.generate_key(2048)
P256_KEY = ECKey.generate_key("P-256")
P384_KEY = ECKey.generate_key("P-384")
P521_KEY = ECKey.generate_key("P-521")
ED25519_KEY = OKPKey.generate_key("Ed25519")
SECRET = b"\x00a secret of thirty-two bytes...!"

#: A key for each algorithm.
KEYS: dict[str, Key] = {
    **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], RSA_KEY),
    "ES256": P256_KEY,
    "ES384": P384_KEY,
    "ES512": P521_KEY,
    "EdDSA": ED25519_KEY,
    "Ed25519": ED25519_KEY,
}


def jwk(key: Key, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """The public half of a key, as an issuer publishes it."""
    named = {} if kid is None else {"kid": kid}
    return {**key.as_dict(private=False), **named, **more}


def b64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def claims(now_s: float = 1000.0, **more: Any) -> dict[str, Any]:
    """What a valid token says; None takes a claim out."""
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now_s, "exp": now_s + 600}
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


def as_json(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def signature(algorithm: str, key: Key | bytes, content: bytes) -> bytes:
    """The signature by any algorithm, whatever the token says."""
    if isinstance(key, bytes):  # an empty one too, which joserfc refuses
        return hmac.digest(key, content, f"sha{algorithm[2:]}")
    return _MODELS[algorithm].sign(content, key)


def token(
    said: object,
    key: Key | bytes | None = P256_KEY,
    algorithm: str = "ES256",
    *,
    header: object = None,
    **more: Any,
) -> bytes:
    """A token with these claims, which may be bytes; `header` in place of the usual one, `more` beside it."""
    if header is None:
        header = {"alg": algorithm, "typ": "JWT", **more}
    content = b64(as_json(header)) + b"." + b64(as_json(said))
    return content + b"." + b64(b"" if key is None else signature(algorithm, key, content))
