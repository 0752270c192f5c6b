"""Certificates with their keys, read and checked before they are used."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_NO_KEY = "it has no private key in PEM (-----BEGIN PRIVATE KEY-----)"
_NO_CERTIFICATE = "it has no certificate in PEM (-----BEGIN CERTIFICATE-----)"


class BadCertificate(ValueError):
    """The chain is not usable."""


class BadKey(ValueError):
    """The private key is not usable, or not that of the certificate."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain, the server's own first, and its key, both in PEM.

    `names` are those of its subjectAltName, in lower case. Times are Unix seconds.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    names: tuple[str, ...] = ()
    kind: str = ""
    begins_s: float = 0.0
    ends_s: float = float("inf")

    def warnings(self, now_s: float) -> Iterator[str]:
        """What clients will object to although the pair can be used."""
        if self.ends_s <= now_s:
            yield f"the certificate has expired on {_day(self.ends_s)}: clients refuse it"
        if self.begins_s > now_s:
            yield f"the certificate is not valid before {_day(self.begins_s)}: clients refuse it"
        if not self.names:
            yield "the certificate has no DNS name in its subjectAltName: clients refuse it"


def read_pair(chain: bytes, key: bytes) -> Pair:
    """Check that the key is that of the chain's first certificate. Raises BadCertificate or BadKey."""
    certificates = _certificates(chain)
    first = certificates[0]
    private = _private_key(key)
    public = private.public_key()
    if first.public_key() != public:
        if any(one.public_key() == public for one in certificates[1:]):
            raise BadCertificate("must have the server's own certificate first")
        raise BadKey("is not the key of the certificate")
    if isinstance(private, rsa.RSAPrivateKey) and not _signs(private):
        raise BadKey("it has a private key that makes no valid signatures")
    return Pair(
        chain,
        key,
        _names(first),
        _kind(private),
        first.not_valid_before_utc.timestamp(),
        first.not_valid_after_utc.timestamp(),
    )


def check_chain(pem: bytes) -> bytes:
    """The same, if it has certificates. Raises BadCertificate."""
    _certificates(pem)
    return pem


def check_key(pem: bytes) -> bytes:
    """The same, if it has a private key. Raises BadKey."""
    _private_key(pem)
    return pem


def _certificates(pem: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise BadCertificate(_NO_CERTIFICATE)
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise BadCertificate("it has a certificate that can't be read") from None


def _private_key(pem: bytes) -> _Key:
    if b"PRIVATE KEY-----" not in pem:
        raise BadKey(_NO_KEY)
    try:
        # To test the primes of a key takes up to a second, in which nothing else is served: see _signs.
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise BadKey("it is encrypted: the gateway has nobody to ask for its password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("it has a private key that can't be read") from None
    if not isinstance(key, _Key):
        raise BadKey("it must be an ECDSA, RSA or Ed25519 key")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < 2048:
        raise BadKey(f"it is an RSA key of {key.key_size} bits: clients want 2048 or more")
    return key


def _signs(key: rsa.RSAPrivateKey) -> bool:
    """Whether the key's own public half verifies what it signs."""
    way, digest = padding.PKCS1v15(), hashes.SHA256()
    try:
        key.public_key().verify(key.sign(b"a test", way, digest), b"a test", way, digest)
    except (InvalidSignature, InternalError, ValueError):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def _kind(key: _Key) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "Ed25519"
    return "RSA" if isinstance(key, rsa.RSAPrivateKey) else "ECDSA"


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
