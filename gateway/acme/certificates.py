"""Reads certificates and makes keys; it knows the library for both."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.acme.deciding.renewal import Term
from gateway.acme.deciding.state import Certificate
from gateway.acme.spec import KeyType

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: id-pe-acmeIdentifier, RFC 8737 section 3.
_ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
#: A DER octet string of 32 bytes begins with this.
_OCTETS_32 = b"\x04\x20"


class WrongCertificate(ValueError):
    """A certificate can't be read, or its key is another one's."""


def term_of(certificate: Certificate) -> Term:
    """The names and the times of a certificate; WrongCertificate: no client could be served with it."""
    try:
        first = x509.load_pem_x509_certificates(certificate.chain.encode())[0]
        # To test the primes of a key takes up to a second, in which nothing else is served.
        key = serialization.load_pem_private_key(
            certificate.key.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, IndexError, x509.ExtensionNotFound):
        raise WrongCertificate("the certificate or its key can't be read") from None
    if _public(first.public_key()) != _public(key.public_key()):
        raise WrongCertificate("the key is not that of the certificate")
    return Term(
        names=frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        begins_s=first.not_valid_before_utc.timestamp(),
        ends_s=first.not_valid_after_utc.timestamp(),
    )


def new_key(kind: KeyType) -> Key:
    """A new private key; one of RSA takes up to some seconds."""
    match kind:
        case "ec256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ec384":
            return ec.generate_private_key(ec.SECP384R1())
        case "rsa2048":
            return rsa.generate_private_key(65537, 2048)
        case "rsa4096":
            return rsa.generate_private_key(65537, 4096)


def key_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def signing_request(domain: str, key: Key) -> x509.CertificateSigningRequest:
    """The request for a certificate of a domain."""
    names = x509.SubjectAlternativeName([x509.DNSName(domain)])
    # The common name is left out: it takes 64 characters, and nobody reads it.
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return made.add_extension(names, critical=True).sign(key, hashes.SHA256())


def challenge_certificate(domain: str, answer: str, now_s: float) -> Certificate:
    """The certificate that answers the challenge tls-alpn-01 (RFC 8737 section 3)."""
    key = new_key("ec256")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    now = datetime.fromtimestamp(now_s, UTC)
    digest = _OCTETS_32 + sha256(answer.encode()).digest()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(_ACME_IDENTIFIER, digest), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(made.public_bytes(serialization.Encoding.PEM).decode(), key_pem(key))


def _public(key: object) -> bytes:
    if not hasattr(key, "public_bytes"):
        raise WrongCertificate("the key is of a kind that is not known")
    made: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made
