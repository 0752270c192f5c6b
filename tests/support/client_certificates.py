"""Authorities, certificates of clients, and revocation lists, as the tests need them."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate with its key, and the authorities between it and the root, the nearest first."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return pem_of(self.certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, folder: Path, name: str) -> Path:
        """Write one file with the key, the certificate and those between."""
        path = folder / name
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(key + b"".join(map(pem_of, (self.certificate, *self.between))))
        return path


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def authority(
    name: str, issuer: Made | None = None, *, path_length: int | None = None, days: float = 30
) -> Made:
    """An authority; one with an `issuer` is between it and the clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder([(NameOID.COMMON_NAME, name)], key, issuer, NOW - DAY, NOW + days * DAY)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), True)
    builder = builder.add_extension(usage, True)
    signer = key if issuer is None else issuer.key
    return Made(builder.sign(signer, hashes.SHA256()), key, _between(issuer))


def client(
    issuer: Made,
    *common_names: str,
    names: tuple[x509.GeneralName, ...] = (),
    begins: datetime.datetime = NOW - DAY,
    ends: datetime.datetime = NOW + DAY,
) -> Made:
    """A certificate for a client, with these common names, and `names` as subjectAltName."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [(NameOID.COMMON_NAME, name) for name in common_names]
    builder = _builder(attributes, key, issuer, begins, ends)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), not common_names)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    return Made(builder.sign(issuer.key, hashes.SHA256()), key, _between(issuer))


def revocations(
    issuer: Made,
    *revoked: Made,
    last: datetime.datetime = NOW - DAY,
    until: datetime.datetime = NOW + DAY,
    signer: Made | None = None,
    partial: bool = False,
) -> bytes:
    """The revocation list of an authority, in PEM; a `partial` one is of authorities alone."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject, last_update=last, next_update=until
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder(one.certificate.serial_number, last).build()
        )
    if partial:
        of_authorities = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
        builder = builder.add_extension(of_authorities, True)
    made = builder.sign((signer or issuer).key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def _between(issuer: Made | None) -> tuple[x509.Certificate, ...]:
    if issuer is None or issuer.certificate.issuer == issuer.certificate.subject:
        return ()
    return (issuer.certificate, *issuer.between)


def _builder(
    attributes: list[tuple[x509.ObjectIdentifier, str]],
    key: ec.EllipticCurvePrivateKey,
    issuer: Made | None,
    begins: datetime.datetime,
    ends: datetime.datetime,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
    authority = subject if issuer is None else issuer.certificate.subject
    signer = key if issuer is None else issuer.key
    builder = x509.CertificateBuilder(
        authority, subject, key.public_key(), x509.random_serial_number(), begins, ends
    )
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
