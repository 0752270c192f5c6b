"""Tokens that nobody may be let in with: each is refused, whatever keys and algorithms are configured."""

import hashlib
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from middlewares.auth.ways.jwt.deciding.algorithms import ALGORITHMS
from middlewares.auth.ways.jwt.deciding.keys import KeySet, secret_key, verifying_key
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.jwt.deciding.verifying import verified
from tests.support.tokens import (
    AUDIENCE,
    ED25519_KEY,
    ISSUER,
    P256_KEY,
    P384_KEY,
    P521_KEY,
    RSA_KEY,
    SECRET,
    as_json,
    b64,
    claims,
    jwk,
    signature,
    token,
)

NOW_S = 1000.0
#: Everything at once, so that only the binding of keys to algorithms is between a token and its admission.
ALL = Rules(ISSUER, frozenset([AUDIENCE]), frozenset(ALGORITHMS))
KEYS = KeySet(
    (
        verifying_key(jwk(RSA_KEY, "rsa"), secrets=False),
        verifying_key(jwk(P256_KEY, "p256"), secrets=False),
        verifying_key(jwk(P384_KEY, "p384"), secrets=False),
        verifying_key(jwk(P521_KEY, "p521"), secrets=False),
        verifying_key(jwk(ED25519_KEY, "ed"), secrets=False),
        secret_key(SECRET),
    )
)
PEM = RSA_KEY.as_pem(private=False)
MINE = ECKey.generate_key("P-256")
MY_RSA = RSAKey.generate_key(2048)
MY_ED = OKPKey.generate_key("Ed25519")
SAID = claims()
N_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def with_signature(
    made: Callable[[bytes], bytes], header: object = None, said: object = SAID
) -> bytes:
    """A token whose signature is made of what it would be of."""
    content = b64(as_json(header or {"alg": "ES256", "kid": "p256"})) + b"." + b64(as_json(said))
    return content + b"." + b64(made(content))


def raw(r: int, s: int, size: int = 32) -> Callable[[bytes], bytes]:
    return lambda _content: r.to_bytes(size) + s.to_bytes(size)


def genuine(content: bytes) -> bytes:
    return signature("ES256", P256_KEY, content)


def as_der(content: bytes) -> bytes:
    found = genuine(content)
    return encode_dss_signature(int.from_bytes(found[:32]), int.from_bytes(found[32:]))


def parts_of(text: bytes) -> list[bytes]:
    return text.split(b".")


def joined(*parts: bytes) -> bytes:
    return b".".join(parts)


HEAD, BODY, SIGNATURE = parts_of(token(SAID, kid="p256"))


def last_bits_set(part: bytes) -> bytes:
    """The same bytes for a lax reader: the bits that belong to no byte are not zero."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + bytes([alphabet[alphabet.index(part[-1:]) | 1]])


def named(name: str, algorithm: str, key: Key | bytes | None, **more: object) -> tuple[str, bytes]:
    return name, token(SAID, key, algorithm, header={"alg": algorithm, **more})


def header_bytes(name: str, header: bytes) -> tuple[str, bytes]:
    return name, token(SAID, header=header)


def payload_bytes(name: str, said: bytes) -> tuple[str, bytes]:
    return name, token(said, kid="p256")


def twice(member: str, first: object, second: object) -> bytes:
    """The claims with one member two times, so that a reader takes one or the other."""
    usual = json.dumps({key: value for key, value in SAID.items() if key != member})
    return f"{usual[:-1]}, {member}: {json.dumps(first)}, {member}: {json.dumps(second)}}}".encode()


FORGED: list[tuple[str, bytes]] = [
    # no signature
    ("alg none", token(SAID, None, header={"alg": "none"})),
    ("alg none with a kid", token(SAID, None, header={"alg": "none", "kid": "p256"})),
    ("alg None", token(SAID, None, header={"alg": "None"})),
    ("alg NONE with a signature", token(SAID, header={"alg": "NONE"})),
    ("alg none with a good signature", token(SAID, header={"alg": "none", "kid": "p256"})),
    ("alg empty", token(SAID, header={"alg": "", "kid": "p256"})),
    ("no alg", token(SAID, header={"kid": "p256"})),
    ("alg null", token(SAID, header={"alg": None, "kid": "p256"})),
    ("alg a list", token(SAID, header={"alg": ["ES256"], "kid": "p256"})),
    ("alg in lower case", token(SAID, header={"alg": "es256", "kid": "p256"})),
    ("alg with a space", token(SAID, header={"alg": "ES256 ", "kid": "p256"})),
    ("the name ALG", token(SAID, header={"ALG": "ES256", "kid": "p256"})),
    ("signature taken out", joined(HEAD, BODY, b"")),
    ("two parts", joined(HEAD, BODY)),
    ("four parts", joined(HEAD, BODY, SIGNATURE, b"")),
    ("a point in front", b"." + joined(HEAD, BODY, SIGNATURE)),
    ("detached payload", joined(HEAD, b"", SIGNATURE)),
    ("only points", b".."),
    ("empty", b""),
    # the public key as a secret
    named("HMAC with the public key's PEM", "HS256", PEM, kid="rsa"),
    named("HMAC with the public key's PEM, no kid", "HS256", PEM),
    named("HMAC with the PEM without its last line end", "HS256", PEM.strip(), kid="rsa"),
    named("HMAC with the public key's DER", "HS256", RSA_KEY.as_der(private=False), kid="rsa"),
    named("HMAC with the modulus", "HS256", str(jwk(RSA_KEY)["n"]).encode(), kid="rsa"),
    named("HMAC with the JWK", "HS256", json.dumps(jwk(RSA_KEY, "rsa")).encode(), kid="rsa"),
    named("HMAC with the curve's PEM", "HS512", P256_KEY.as_pem(private=False), kid="p256"),
    named("HMAC with nothing", "HS256", b"", kid="p256"),
    named("HMAC with a good secret and the kid of another key", "HS256", SECRET, kid="rsa"),
    # keys of somebody else
    named("my own key", "ES256", MINE, kid="p256"),
    named("my own key without a kid", "ES256", MINE),
    named("my own key and its jwk", "ES256", MINE, jwk=jwk(MINE)),
    named("my own key, its jwk and kid", "ES256", MINE, jwk=jwk(MINE, "x"), kid="x"),
    named("my own key, its jwk under a good kid", "ES256", MINE, jwk=jwk(MINE, "p256"), kid="p256"),
    named("my own RSA key and its jwk", "RS256", MY_RSA, jwk=jwk(MY_RSA), kid="rsa"),
    named("my own Edwards key", "EdDSA", MY_ED, jwk=jwk(MY_ED), kid="ed"),
    named("my own key by jku", "ES256", MINE, jku="https://evil.example/jwks", kid="x"),
    named("my own key by x5u", "ES256", MINE, x5u="https://evil.example/cert", kid="x"),
    named("my own key by x5c", "ES256", MINE, x5c=["MIIB"], kid="x"),
    # kid
    named("kid of a file", "HS256", b"", kid="/dev/null"),
    named("kid of a path", "HS256", b"\0" * 32, kid="../../../../dev/zero"),
    named("kid with SQL", "HS256", b"x" * 32, kid="x' UNION SELECT 'xxxxxxxx"),
    named("kid of a command", "HS256", b"x" * 32, kid="|id"),
    named("kid of a URL", "ES256", MINE, kid="https://evil.example/jwks"),
    ("kid a number", token(SAID, header={"alg": "ES256", "kid": 1})),
    ("kid a list", token(SAID, header={"alg": "ES256", "kid": ["p256"]})),
    ("kid an object", token(SAID, header={"alg": "ES256", "kid": {"p256": 1}})),
    named("kid of another key of the set", "ES256", P256_KEY, kid="rsa"),
    named("kid in another case", "ES256", P256_KEY, kid="P256"),
    # another algorithm or curve than the key's
    named("P-384 under ES256's kid", "ES384", P384_KEY, kid="p256"),
    ("ES256 by P-384's key", token(SAID, P384_KEY, "ES256", header={"alg": "ES256", "kid": "p384"})),
    ("ES384 by P-256's key", token(SAID, P256_KEY, "ES384", header={"alg": "ES384", "kid": "p256"})),
    ("ES512 by P-256's key", token(SAID, P256_KEY, "ES512", header={"alg": "ES512", "kid": "p256"})),
    ("ES256K by P-256's key", token(SAID, header={"alg": "ES256K", "kid": "p256"})),
    ("said ES384, made ES256", token(SAID, header={"alg": "ES384", "kid": "p256"})),
    ("said PS256, made RS256", token(SAID, RSA_KEY, "RS256", header={"alg": "PS256", "kid": "rsa"})),
    ("said RS256, made PS256", token(SAID, RSA_KEY, "PS256", header={"alg": "RS256", "kid": "rsa"})),
    ("said RS512, made RS256", token(SAID, RSA_KEY, "RS256", header={"alg": "RS512", "kid": "rsa"})),
    ("said Ed448", token(SAID, ED25519_KEY, "EdDSA", header={"alg": "Ed448", "kid": "ed"})),
    ("alg of encryption", token(SAID, header={"alg": "dir", "enc": "A256GCM", "kid": "p256"})),
    ("alg RS1", token(SAID, RSA_KEY, "RS256", header={"alg": "RS1", "kid": "rsa"})),
    # signatures that a careless verifier takes
    ("all zero", with_signature(raw(0, 0))),
    ("r = 0", with_signature(raw(0, 1))),
    ("s = 0", with_signature(raw(1, 0))),
    ("r and s of the order", with_signature(raw(N_P256, N_P256))),
    ("r = order, s = 1", with_signature(raw(N_P256, 1))),
    ("r = s = 1", with_signature(raw(1, 1))),
    ("r = s = order - 1", with_signature(raw(N_P256 - 1, N_P256 - 1))),
    ("all ones", with_signature(raw(2**256 - 1, 2**256 - 1))),
    ("DER", with_signature(as_der)),
    ("DER cut to 64 bytes", with_signature(lambda content: as_der(content)[:64])),
    ("33 bytes for each number", with_signature(lambda c: b"\0" + genuine(c)[:32] + b"\0" + genuine(c)[32:])),
    ("r and s exchanged", with_signature(lambda c: genuine(c)[32:] + genuine(c)[:32])),
    ("one byte less", with_signature(lambda content: genuine(content)[:-1])),
    ("one byte more", with_signature(lambda content: genuine(content) + b"\0")),
    ("a zero in front", with_signature(lambda content: b"\0" + genuine(content))),
    ("twice", with_signature(lambda content: genuine(content) * 2)),
    ("of the hash of its content", with_signature(lambda c: genuine(hashlib.sha256(c).digest()))),
    ("of the payload alone", with_signature(lambda content: genuine(content.split(b".")[1]))),
    ("of the decoded payload", with_signature(lambda _content: genuine(as_json(SAID)))),
    ("of another token", joined(HEAD, BODY, parts_of(token(claims(sub="eve"), kid="p256"))[2])),
    ("RSA all zero", with_signature(lambda _: b"\0" * 256, {"alg": "RS256", "kid": "rsa"})),
    ("RSA one", with_signature(lambda _: b"\0" * 255 + b"\1", {"alg": "RS256", "kid": "rsa"})),
    ("RSA empty in PSS", with_signature(lambda _: b"\0", {"alg": "PS256", "kid": "rsa"})),
    (
        "RSA without its first byte",
        with_signature(
            lambda c: signature("RS256", RSA_KEY, c)[1:], {"alg": "RS256", "kid": "rsa"}
        ),
    ),
    (
        "RSA with a zero in front",
        with_signature(
            lambda c: b"\0" + signature("RS256", RSA_KEY, c), {"alg": "RS256", "kid": "rsa"}
        ),
    ),
    ("Edwards all zero", with_signature(lambda _: b"\0" * 64, {"alg": "EdDSA", "kid": "ed"})),
    ("Edwards small order", with_signature(lambda _: b"\1" + b"\0" * 63, {"alg": "EdDSA", "kid": "ed"})),
    (
        "Edwards cut",
        with_signature(lambda c: signature("EdDSA", ED25519_KEY, c)[:-1], {"alg": "EdDSA", "kid": "ed"}),
    ),
    (
        "HMAC cut",
        with_signature(lambda c: signature("HS256", SECRET, c)[:16], {"alg": "HS256"}),
    ),
    (
        "HMAC of a shorter hash",
        with_signature(lambda c: signature("HS256", SECRET, c), {"alg": "HS512"}),
    ),
    (
        "HMAC as hex",
        with_signature(lambda c: signature("HS256", SECRET, c).hex().encode(), {"alg": "HS256"}),
    ),
    # other spellings of the same bytes
    ("signature with =", joined(HEAD, BODY, SIGNATURE + b"==")),
    ("signature with spare bits", joined(HEAD, BODY, last_bits_set(SIGNATURE))),
    ("signature with a line end", joined(HEAD, BODY, SIGNATURE + b"\n")),
    ("signature with a space within", joined(HEAD, BODY, SIGNATURE[:9] + b" " + SIGNATURE[9:])),
    ("signature with a bad character", joined(HEAD, BODY, SIGNATURE[:9] + b"!" + SIGNATURE[9:])),
    ("signature in the other alphabet", joined(HEAD, BODY, SIGNATURE[:-2] + b"+/")),
    ("signature with a % escape", joined(HEAD, BODY, b"%" + SIGNATURE)),
    ("signature with one letter more", joined(HEAD, BODY, SIGNATURE + b"AAA")),
    ("header with =", joined(HEAD + b"=", BODY, SIGNATURE)),
    ("payload with =", joined(HEAD, BODY + b"=", SIGNATURE)),
    ("payload changed", joined(HEAD, b64(as_json(claims(sub="eve"))), SIGNATURE)),
    ("header changed", joined(b64(b'{"alg":"ES256","kid":"p256","x":1}'), BODY, SIGNATURE)),
    ("header in plain", joined(b'{"alg":"ES256"}', BODY, SIGNATURE)),
    ("not ASCII", joined(HEAD, BODY, SIGNATURE).replace(b".", "\uff0e".encode())),
    ("NUL at the end", joined(HEAD, BODY, SIGNATURE) + b"\0"),
    # JSON that two readers understand differently
    header_bytes("alg twice", b'{"alg":"none","alg":"ES256","kid":"p256"}'),
    header_bytes("alg twice, escaped", b'{"\\u0061lg":"none","alg":"ES256","kid":"p256"}'),
    header_bytes("kid twice", b'{"alg":"ES256","kid":"p256","kid":"p256"}'),
    header_bytes("twice within", b'{"alg":"ES256","kid":"p256","x":{"a":1,"a":2}}'),
    header_bytes("header is a list", b'["ES256"]'),
    header_bytes("header is text", b'"ES256"'),
    header_bytes("header is null", b"null"),
    header_bytes("header is no JSON", b"alg=ES256"),
    header_bytes("header is two objects", b'{"alg":"ES256"}{"alg":"ES256"}'),
    header_bytes("header with a comment", b'{"alg":"ES256"/**/}'),
    header_bytes("header with a comma at its end", b'{"alg":"ES256",}'),
    header_bytes("header with ' ", b"{'alg':'ES256'}"),
    header_bytes("header in UTF-16", '{"alg":"ES256","kid":"p256"}'.encode("utf-16")),
    header_bytes("header with a byte order mark", b'\xef\xbb\xbf{"alg":"ES256","kid":"p256"}'),
    header_bytes("header in Latin-1", b'{"alg":"ES256","kid":"p256","x":"\xe4"}'),
    header_bytes("header with NaN", b'{"alg":"ES256","kid":"p256","x":NaN}'),
    header_bytes("header with half a character", b'{"alg":"ES256","kid":"p256","x":"\\ud800"}'),
    payload_bytes("sub twice", twice('"sub"', "ada", "root")),
    payload_bytes("exp twice", twice('"exp"', NOW_S + 600, 1)),
    payload_bytes("exp twice, escaped", twice('"\\u0065xp"', NOW_S + 600, 1)),
    payload_bytes("exp once more in the usual", as_json(SAID)[:-1] + b', "exp": 99999}'),
    payload_bytes("twice deep within", as_json(SAID)[:-1] + b', "x": [{"a": {"b": 1, "b": 2}}]}'),
    payload_bytes("exp NaN", as_json(claims(exp=0)).replace(b'"exp": 0', b'"exp": NaN')),
    payload_bytes("exp Infinity", as_json(claims(exp=0)).replace(b'"exp": 0', b'"exp": Infinity')),
    payload_bytes("exp 1e999", as_json(claims(exp=0)).replace(b'"exp": 0', b'"exp": 1e999')),
    payload_bytes("exp of 5,000 digits", as_json(claims(exp=0)).replace(b'"exp": 0', b'"exp": ' + b"9" * 5000)),
    payload_bytes("payload is a list", b"[]"),
    payload_bytes("payload is text", b'"ada"'),
    payload_bytes("payload is nothing", b""),
    payload_bytes("payload is deep", b'{"a":' * 2000 + b"1" + b"}" * 2000),
    payload_bytes("a token as the payload", token(SAID, kid="p256")),
    ("claims EXP and ISS", token(claims(exp=None, iss=None, EXP=NOW_S + 600, ISS=ISSUER), kid="p256")),
    # what changes the meaning of the rest
    ("nested, cty JWT", token(SAID, kid="p256", cty="JWT")),
    ("cty of anything", token(SAID, kid="p256", cty="")),
    ("crit", token(SAID, kid="p256", crit=["exp"], exp=1)),
    ("crit empty", token(SAID, kid="p256", crit=[])),
    ("crit null", token(SAID, kid="p256", crit=None)),
    ("b64 false and crit", token(SAID, kid="p256", b64=False, crit=["b64"])),
    ("b64 false without crit", token(SAID, kid="p256", b64=False)),
    (
        "b64 false, signed as RFC 7797 says",
        joined(
            b64(b'{"alg":"ES256","kid":"p256","b64":false,"crit":["b64"]}'),
            as_json(SAID).replace(b" ", b""),
            b64(genuine(b64(b'{"alg":"ES256","kid":"p256","b64":false,"crit":["b64"]}') + b"." + as_json(SAID))),
        ),
    ),
    ("typ of an ID token's log-out", token(SAID, kid="p256", typ="logout+jwt")),
    ("typ dpop", token(SAID, kid="p256", typ="dpop+jwt")),
    ("typ empty", token(SAID, kid="p256", typ="")),
    ("typ a list", token(SAID, kid="p256", typ=["JWT"])),
    ("typ null", token(SAID, kid="p256", typ=None)),
    # other forms of JOSE
    ("JSON serialization", json.dumps({"protected": HEAD.decode(), "payload": BODY.decode(),
                                       "signature": SIGNATURE.decode()}).encode()),
    ("JWE of five parts", joined(b64(b'{"alg":"dir","enc":"A256GCM"}'), b"", b"AAAA", b"AAAA", b"AAAA")),
    ("16 KiB and more", token({**SAID, "fill": "x" * 13_000}, kid="p256")),
    ("1 MiB", b"a" * 2**20),
    ("a million points", b"." * 1_000_000),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for _, text in FORGED], ids=[name for name, _ in FORGED])
def test_it_is_refused(text: bytes) -> None:
    with pytest.raises(BadToken):
        verified(text, KEYS, ALL, NOW_S)


def test_the_tokens_that_these_are_forged_from_are_valid() -> None:
    for key, algorithm, kid in [
        (P256_KEY, "ES256", "p256"),
        (P384_KEY, "ES384", "p384"),
        (RSA_KEY, "RS256", "rsa"),
        (RSA_KEY, "PS256", "rsa"),
        (ED25519_KEY, "EdDSA", "ed"),
        (SECRET, "HS256", None),
    ]:
        header = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}
        assert verified(token(SAID, key, algorithm, header=header), KEYS, ALL, NOW_S) == SAID
    assert verified(with_signature(genuine), KEYS, ALL, NOW_S) == SAID


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES384"])
def test_an_algorithm_that_is_not_configured_is_refused_though_a_key_would_fit(
    algorithm: str,
) -> None:
    keys: dict[str, Key | bytes] = {"HS256": SECRET, "RS256": RSA_KEY, "ES384": P384_KEY}
    rules = Rules(ISSUER, frozenset([AUDIENCE]), frozenset(["ES256"]))
    text = token(SAID, keys[algorithm], algorithm)
    assert verified(text, KEYS, ALL, NOW_S)
    with pytest.raises(BadToken, match="algorithm"):
        verified(text, KEYS, rules, NOW_S)
