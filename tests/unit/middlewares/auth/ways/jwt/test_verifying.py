"""Tokens that are valid are, whatever else they carry, and what they say is checked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.jwt.deciding.keys import KeySet, secret_key, verifying_key
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.deciding.tokens import BadToken, base64url, token_of
from middlewares.auth.ways.jwt.deciding.verifying import UnknownKid, ends_s, verified
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    KEYS,
    P256_KEY,
    P384_KEY,
    SECRET,
    as_json,
    b64,
    claims,
    jwk,
    signature,
    token,
)

NOW_S = 1000.0
RULES = Rules(ISSUER, frozenset([AUDIENCE]), frozenset(KEYS))
KEY_SET = KeySet((verifying_key(jwk(P256_KEY, "a"), secrets=False),))


def read(text: bytes, keys: KeySet = KEY_SET, rules: Rules = RULES) -> dict[str, Any]:
    return verified(text, keys, rules, NOW_S)


@pytest.mark.parametrize("algorithm", KEYS)
def test_each_algorithm_verifies_what_its_key_has_signed(algorithm: str) -> None:
    keys = KeySet((verifying_key(jwk(KEYS[algorithm], "a"), secrets=False),))
    assert read(token(claims(), KEYS[algorithm], algorithm, kid="a"), keys)["sub"] == "ada"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_verifies_hmac_whatever_the_kid(algorithm: str) -> None:
    rules = Rules(ISSUER, frozenset([AUDIENCE]), frozenset([algorithm]))
    keys = KeySet((secret_key(SECRET),))
    assert read(token(claims(), SECRET, algorithm, kid="../../x"), keys, rules)["sub"] == "ada"


def test_private_fields_of_the_header_mean_nothing() -> None:
    assert read(token(claims(), kid="a", nonce="x", **{"https://id.example/v": 2, "ALG": "none"}))


def test_a_header_may_be_longer_than_512_bytes() -> None:
    assert read(token(claims(), kid="a", x5c=["A" * 4000]))


def test_keys_that_the_header_points_to_are_never_looked_at() -> None:
    mine = jwk(P384_KEY, "a")
    pointing = {"jwk": mine, "jku": "https://evil.example/jwks", "x5u": "https://evil.example/c"}
    assert read(token(claims(), kid="a", **pointing))
    with pytest.raises(BadToken, match="signed"):
        read(token(claims(), P384_KEY, "ES384", kid="a", **pointing))


def test_without_a_kid_every_key_that_fits_is_tried() -> None:
    keys = KeySet(
        tuple(
            verifying_key(jwk(key, kid), secrets=False)
            for key, kid in [(P384_KEY, "b"), (P256_KEY, "a")]
        )
    )
    assert read(token(claims()), keys)
    assert read(token(claims(), P384_KEY, "ES384"), keys)


def test_without_a_kid_one_key_is_not_enough_if_it_did_not_sign() -> None:
    with pytest.raises(BadToken, match="signed"):
        read(token(claims(), P384_KEY, "ES384"))


@pytest.mark.parametrize("other", ["RS384", "RS512", "PS256"])
def test_a_key_that_says_its_algorithm_serves_no_other_one(other: str) -> None:
    """Its issuer has said so, though the configuration would allow both (RFC 7517 §4.4)."""
    keys = KeySet((verifying_key(jwk(KEYS["RS256"], "a", alg="RS256"), secrets=False),))
    assert read(token(claims(), KEYS["RS256"], "RS256", kid="a"), keys)
    for kid in ({"kid": "a"}, {}):
        with pytest.raises(BadToken, match="not signed"):
            read(token(claims(), KEYS[other], other, **kid), keys)


def test_of_two_keys_with_one_kid_each_serves_its_own_algorithm() -> None:
    ours, others = KEYS["RS256"], KEYS["ES384"]
    keys = KeySet(tuple(verifying_key(jwk(one, "a"), secrets=False) for one in (ours, others)))
    for algorithm in ("RS256", "ES384"):
        assert read(token(claims(), KEYS[algorithm], algorithm, kid="a"), keys)
    forged = token(claims(), ours, "RS256", header={"alg": "ES384", "kid": "a"})
    with pytest.raises(BadToken, match="not signed"):
        read(forged, keys)


def test_a_kid_that_nobody_knows_is_told_apart() -> None:
    with pytest.raises(UnknownKid) as raised:
        read(token(claims(), kid="b"))
    assert raised.value.kid == "b"


@pytest.mark.parametrize(
    "said", [{"iss": "https://other.example"}, {"aud": "other"}, {"exp": 1}, {"exp": None}]
)
def test_no_key_is_looked_for_if_its_token_would_be_refused_all_the_same(
    said: dict[str, Any],
) -> None:
    """So the tokens of one issuer start no fetches at another one."""
    with pytest.raises(BadToken) as refused:
        read(token(claims(**said), P384_KEY, "ES384", kid="new"))
    assert not isinstance(refused.value, UnknownKid)


def test_a_kid_that_is_known_is_not_looked_for_though_its_key_does_not_fit() -> None:
    with pytest.raises(BadToken) as raised:
        read(token(claims(), P384_KEY, "ES384", kid="a"))
    assert not isinstance(raised.value, UnknownKid)


def test_a_key_without_a_kid_serves_tokens_with_any() -> None:
    keys = KeySet((verifying_key(jwk(P256_KEY), secrets=False),))
    assert read(token(claims(), kid="whatever"), keys)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_types_of_access_tokens_are_taken(kind: str) -> None:
    assert read(token(claims(), kid="a", typ=kind))


def test_a_token_may_have_no_type() -> None:
    assert read(token(claims(), header={"alg": "ES256", "kid": "a"}))


@pytest.mark.parametrize(
    "said",
    [
        {"aud": ["other", AUDIENCE]},
        {"exp": NOW_S - 29},
        {"exp": NOW_S + 0.5},
        {"nbf": NOW_S + 30},
        {"iat": NOW_S + 30},
        {"iat": None},
        {"nbf": -1},
        {"exp": 10**300},
    ],
    ids=str,
)
def test_claims_within_the_leeway_are_taken(said: dict[str, Any]) -> None:
    assert read(token(claims(**said)))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"iss": None}, "iss"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": "Lockgate"}, "aud"),
        ({"aud": [AUDIENCE, 1]}, "aud"),
        ({"aud": {AUDIENCE: 1}}, "aud"),
        ({"aud": f"{AUDIENCE} other"}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": NOW_S - 30}, "exp"),
        ({"exp": str(NOW_S + 600)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": [NOW_S + 600]}, "exp"),
        ({"exp": None, "Exp": NOW_S + 600}, "exp"),
        ({"exp": -(10**300)}, "exp"),
        ({"nbf": NOW_S + 31}, "nbf"),
        ({"nbf": "1"}, "nbf"),
        ({"nbf": False}, "nbf"),
        ({"iat": NOW_S + 31}, "iat"),
        ({"iat": 10**300}, "iat"),
    ],
    ids=str,
)
def test_claims_that_are_wrong_or_missing_are_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=rf"\b{why}\b"):
        read(token(claims(**said)))


def test_a_null_in_place_of_a_claim_is_as_bad_as_none() -> None:
    for name in ("iss", "aud", "exp", "nbf", "iat"):
        with pytest.raises(BadToken, match=name):
            read(token({**claims(), name: None}))


def test_the_end_of_a_token_has_the_leeway_and_is_a_number() -> None:
    assert ends_s({"exp": 1600}, RULES) == 1630
    assert ends_s({"exp": 10**400}, RULES) == 2.0**53 + 30


@given(content=st.binary(max_size=60))
def test_base64url_reads_back_exactly_what_was_written(content: bytes) -> None:
    assert base64url(b64(content)) == content


@given(text=st.text(alphabet="ABCwxyz019-_+/= \n", max_size=9))
def test_no_two_spellings_of_base64url_are_the_same(text: str) -> None:
    part = text.encode()
    try:
        content = base64url(part)
    except ValueError:
        return
    assert b64(content) == part


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_a_bad_token_and_nothing_worse(junk: bytes) -> None:
    with pytest.raises(BadToken):
        read(junk)


@given(header=st.dictionaries(st.text(max_size=5), st.integers()), said=st.binary(max_size=50))
def test_any_signed_content_is_a_bad_token_and_nothing_worse(
    header: dict[str, Any], said: bytes
) -> None:
    with pytest.raises(BadToken):
        read(token(said, header={"alg": "ES256", **header}))


VALID = token(claims(), kid="a")


@given(st.integers(0, len(VALID) - 1), st.integers(0, 255))
def test_a_token_with_one_byte_changed_is_refused(where: int, byte: int) -> None:
    changed = VALID[:where] + bytes([byte]) + VALID[where + 1 :]
    if changed == VALID:
        return
    with pytest.raises(BadToken):
        read(changed)


@given(st.integers(0, len(VALID) - 1))
def test_a_token_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(BadToken):
        read(VALID[:length])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    )
)
def test_whatever_else_a_token_claims_comes_out_as_it_was_said(more: object) -> None:
    said = json.loads(json.dumps(claims(more=more if more is not None else [])))
    assert read(token(said)) == said


def test_a_token_of_16_kib_is_read_and_a_longer_one_is_not() -> None:
    def with_more(size: int) -> bytes:
        return token({**claims(), "fill": "x" * size}, kid="a")

    most = (16 * 1024 - len(with_more(0))) * 3 // 4 - 3
    assert 16 * 1024 - 8 < len(with_more(most)) <= 16 * 1024
    assert read(with_more(most))
    with pytest.raises(BadToken, match="more than"):
        read(with_more(most + 12))


def test_the_reason_shows_nothing_of_the_token() -> None:
    for text in (b"s3cret", token({**claims(), "iss": "s3cret"}), token({"exp": "s3cret"})):
        with pytest.raises(BadToken) as raised:
            read(text)
        assert "s3cret" not in str(raised.value)


def test_the_parts_of_a_token_are_what_was_signed() -> None:
    text = token(claims(), kid="a")
    parts = token_of(text)
    assert parts.signed + b"." + b64(parts.signature) == text
    assert json.loads(parts.payload) == json.loads(as_json(claims()))
    assert signature("ES256", P256_KEY, parts.signed) != parts.signature  # it is random each time
