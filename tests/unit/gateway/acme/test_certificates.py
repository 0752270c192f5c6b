"""What a certificate says is read, and one that could not be served is refused."""

from hashlib import sha256

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.acme.certificates import (
    WrongCertificate,
    challenge_certificate,
    key_pem,
    new_key,
    signing_request,
    term_of,
)
from gateway.acme.deciding.state import Certificate


def issued(*names: str) -> Certificate:
    made = trustme.CA().issue_cert(*names)
    chain = "".join(one.bytes().decode() for one in made.cert_chain_pems)
    return Certificate(chain, made.private_key_pem.bytes().decode())


def test_names_and_times_are_those_of_the_first_certificate() -> None:
    term = term_of(issued("API.a.example", "b.example"))
    assert term.names == {"api.a.example", "b.example"}
    assert term.begins_s < term.ends_s


@pytest.mark.parametrize(
    "odd",
    [
        Certificate("", ""),
        Certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", ""),
        Certificate("chain\0", "key"),
    ],
)
def test_what_is_no_certificate_is_refused(odd: Certificate) -> None:
    with pytest.raises(WrongCertificate):
        term_of(odd)


def test_the_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(WrongCertificate, match="the key is not that of the certificate"):
        term_of(Certificate(issued("a.example").chain, key_pem(new_key("ec256"))))


def test_keys_are_of_the_kind_that_is_asked_for() -> None:
    assert isinstance(new_key("ec256"), ec.EllipticCurvePrivateKey)
    assert isinstance(new_key("rsa2048"), rsa.RSAPrivateKey)
    assert new_key("ec384").key_size == 384


def test_a_request_names_the_domain() -> None:
    request = signing_request("a.example", new_key("ec256"))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]


def test_the_certificate_of_a_challenge_has_the_digest_of_the_answer() -> None:
    made = challenge_certificate("a.example", "token.thumbprint", 1_700_000_000)
    certificate = x509.load_pem_x509_certificate(made.chain.encode())
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
    extension = certificate.extensions.get_extension_for_oid(oid)
    assert extension.critical
    assert extension.value.public_bytes() == b"\x04\x20" + sha256(b"token.thumbprint").digest()
    assert term_of(made).names == {"a.example"}
