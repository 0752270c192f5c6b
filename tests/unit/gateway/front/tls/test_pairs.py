"""A certificate and its key are checked before they are used, and what is wrong is said."""

import datetime
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519

from gateway.front.tls.pairs import BadCertificate, BadKey, Pair, read_pair
from tests.support.certificates import issue

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def test_names_and_times_are_read(authority: trustme.CA) -> None:
    ends = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)
    issued = issue(authority, "A.example", "*.b.example", ends=ends)

    pair = read_pair(issued.chain, issued.key)

    assert (pair.names, pair.kind) == (("a.example", "*.b.example"), "ECDSA")
    assert pair.ends_s == ends.timestamp()
    assert list(pair.warnings(ends.timestamp() - 1)) == []


def test_expired_is_a_warning(authority: trustme.CA) -> None:
    issued = issue(authority, "a.example", begins=LONG_AGO, ends=LONG_AGO + DAY)
    pair = read_pair(issued.chain, issued.key)

    assert list(pair.warnings((LONG_AGO + 2 * DAY).timestamp())) == [
        "the certificate has expired on 2020-01-02: clients refuse it"
    ]
    assert list(pair.warnings((LONG_AGO - DAY).timestamp())) == [
        "the certificate is not valid before 2020-01-01: clients refuse it"
    ]


def test_another_key_is_refused(authority: trustme.CA) -> None:
    one, other = issue(authority, "a.example"), issue(authority, "a.example")
    with pytest.raises(BadKey, match="is not the key of the certificate"):
        read_pair(one.chain, other.key)


def test_own_certificate_must_be_the_first(authority: trustme.CA) -> None:
    issued = issue(authority, "a.example")
    turned = authority.cert_pem.bytes() + issued.chain
    with pytest.raises(BadCertificate, match="own certificate first"):
        read_pair(turned, issued.key)


def _pem(key: Any, password: bytes = b"") -> Any:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (b"", "has no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----", "can't be read"),
        (_pem(ed25519.Ed25519PrivateKey.generate(), b"secret"), "is encrypted"),
        (_pem(x25519.X25519PrivateKey.generate()), "must be an ECDSA, RSA or Ed25519 key"),
        (_pem(rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits"),
    ],
)
def test_unusable_key_is_refused(authority: trustme.CA, key: bytes, why: str) -> None:
    with pytest.raises(BadKey, match=why):
        read_pair(issue(authority, "a.example").chain, key)


def test_rsa_key_whose_parts_do_not_fit_is_refused(authority: trustme.CA) -> None:
    issued = issue(authority, "a.example", kind="RSA")
    key = serialization.load_pem_private_key(issued.key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d + 2,
        numbers.dmp1 + 2,
        numbers.dmq1 + 2,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)

    with pytest.raises(BadKey, match="makes no valid signatures"):
        read_pair(issued.chain, _pem(wrong))


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        (b"nothing", "has no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nabcd\n-----END CERTIFICATE-----", "can't be read"),
    ],
)
def test_unusable_chain_is_refused(authority: trustme.CA, chain: bytes, why: str) -> None:
    with pytest.raises(BadCertificate, match=why):
        read_pair(chain, issue(authority, "a.example").key)


def test_key_is_not_in_the_text_of_a_pair() -> None:
    assert "secret" not in repr(Pair(b"chain", b"secret"))
