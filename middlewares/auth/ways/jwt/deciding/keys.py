"""Keys that tokens are verified with, and sets of them as issuers publish them (RFC 7517)."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from middlewares.auth.ways.jwt.deciding import algorithms
from middlewares.auth.ways.jwt.deciding.strict_json import json_object
from middlewares.auth.ways.jwt.deciding.tokens import base64url
from middlewares.auth.ways.jwt.deciding.weak_rsa import is_weak

#: The shortest shared secret, in bytes.
LEAST_SECRET_BYTES: Final = 32
#: RFC 7518 §3.3 wants 2048; above the other one, each signature takes milliseconds.
LEAST_RSA_BITS: Final = 2048
MOST_RSA_BITS: Final = 16384
#: A token without a kid is tried with each key that fits.
MOST_KEYS: Final = 100

_KINDS: Mapping[str, type[Key]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey, "oct": OctKey}
#: What a key of the kind is made of. Private members are never read.
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
    "oct": ("k",),
}


class BadKey(ValueError):
    """The key can't be used; the message says why, follows "the key", and shows nothing secret."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key, and the algorithms that it may be used with; two are equal if they do the same."""

    kid: str | None
    algorithms: frozenset[str]
    fingerprint: str = field(repr=False)
    key: Key = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys of one issuer."""

    keys: tuple[VerifyingKey, ...]
    by_kid: Mapping[str | None, tuple[VerifyingKey, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_kid: dict[str | None, tuple[VerifyingKey, ...]] = {}
        for key in self.keys:
            by_kid[key.kid] = (*by_kid.get(key.kid, ()), key)
        object.__setattr__(self, "by_kid", by_kid)

    def knows(self, kid: str | None) -> bool:
        """Whether there is a key of this name; without a name, each key is meant."""
        return kid is None or kid in self.by_kid

    def fitting(self, kid: str | None, algorithm: str) -> Iterator[VerifyingKey]:
        """The keys that a token may be signed with.

        A kid chooses the keys of that name, or those without one if it is unknown.
        """
        named = self.keys if kid is None else self.by_kid.get(kid) or self.by_kid.get(None, ())
        return (one for one in named if algorithm in one.algorithms)


def secret_key(secret: bytes) -> VerifyingKey:
    """A shared secret for HMAC; raises BadKey for one below 256 bits."""
    if len(secret) < LEAST_SECRET_BYTES:
        raise BadKey(
            f"has {len(secret) * 8} bits, and must have {LEAST_SECRET_BYTES * 8} at least: "
            "`openssl rand -out FILE 32` makes one"
        )
    return _made(OctKey, secret, None, frozenset(algorithms.HMAC), secret)


def verifying_key(jwk: object, *, secrets: bool) -> VerifyingKey:
    """A key of a JWK; `secrets`: shared ones are allowed too. Raises BadKey."""
    if not isinstance(jwk, dict):
        raise BadKey("is no JSON object")
    kind, kid = jwk.get("kty"), jwk.get("kid")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadKey(f"is of no kind that is known here: {', '.join(_KINDS)}")
    if kid is not None and not isinstance(kid, str):
        raise BadKey("has a kid that is no text")
    if kind == "oct" and not secrets:
        raise BadKey("is a shared secret, which must not be published")
    _check_use(jwk)
    values = {"kty": kind, **{name: _text(jwk, name) for name in _MEMBERS[kind]}}
    fitting = _restricted(jwk, _algorithms(kind, values))
    if kind == "oct":
        secret = _bytes(values, "k")
        if len(secret) < LEAST_SECRET_BYTES:
            raise BadKey(f"is a secret below {LEAST_SECRET_BYTES * 8} bits")
    if kind == "RSA":
        modulus = int.from_bytes(_bytes(values, "n"))
        bits = modulus.bit_length()
        if not LEAST_RSA_BITS <= bits <= MOST_RSA_BITS:
            raise BadKey(f"has {bits} bits, and must have {LEAST_RSA_BITS} to {MOST_RSA_BITS}")
        if is_weak(modulus):
            raise BadKey("is weak: anybody can compute its private half (CVE-2017-15361)")
    identity = json.dumps([values, kid, sorted(fitting)], sort_keys=True).encode()
    return _made(_KINDS[kind], values, kid, fitting, identity)


def key_set(content: bytes, *, secrets: bool) -> tuple[KeySet, Sequence[tuple[int, str]]]:
    """The usable keys of a JWK set, and of the others their index and why; raises BadKey."""
    try:
        keys = json_object(content).get("keys")
    except ValueError as error:
        raise BadKey(str(error)) from None
    if not isinstance(keys, list):
        raise BadKey('has no list "keys": a JWK set is {"keys": [KEY, …]}')
    if len(keys) > MOST_KEYS:
        raise BadKey(f"has more than {MOST_KEYS} keys")
    usable: list[VerifyingKey] = []
    left_out: list[tuple[int, str]] = []
    for index, one in enumerate(keys):
        try:
            usable.append(verifying_key(one, secrets=secrets))
        except BadKey as error:
            left_out.append((index, str(error)))
    return KeySet(tuple(usable)), left_out


def _check_use(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use", "sig") != "sig":
        raise BadKey("is not for signatures (use)")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or operations.count("verify") != 1:
        raise BadKey("is not for verifying (key_ops)")


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise BadKey(f"lacks {name}, or it is no text")
    return value


def _bytes(values: Mapping[str, str], name: str) -> bytes:
    try:
        return base64url(values[name].encode())
    except ValueError:
        raise BadKey(f"has a {name} that is no base64url") from None


def _algorithms(kind: str, values: Mapping[str, str]) -> frozenset[str]:
    if kind == "RSA":
        return frozenset(algorithms.RSA)
    if kind == "oct":
        return frozenset(algorithms.HMAC)
    curves = algorithms.EC if kind == "EC" else algorithms.OKP
    found = curves.get(values["crv"])
    if found is None:
        raise BadKey(f"has a curve that is not one of {', '.join(curves)}")
    return frozenset(found)


def _restricted(jwk: Mapping[str, Any], fitting: frozenset[str]) -> frozenset[str]:
    """What of them the JWK's own `alg` leaves."""
    if "alg" not in jwk:
        return fitting
    if jwk["alg"] not in sorted(fitting):
        raise BadKey(f"says an alg that does not fit it; fitting: {', '.join(sorted(fitting))}")
    return frozenset([jwk["alg"]])


def _made(
    kind: type[Key], value: Any, kid: str | None, fitting: frozenset[str], identity: bytes
) -> VerifyingKey:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # joserfc warns of what is not to be used
            key = kind.import_key(value)
    except (JoseError, ValueError, TypeError, OverflowError, Warning):
        raise BadKey("is not valid: its values are no key of that kind") from None
    return VerifyingKey(kid, fitting, hashlib.sha256(identity).hexdigest(), key)
