"""Reads the files with the authorities of clients and with the certificates that they have revoked."""

import re
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\s*", re.DOTALL)
#: Lists for a part of the certificates alone, or that go on from another list, are not read.
_PARTIAL: Final = frozenset(
    [ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR]
)


def check_authorities(data: bytes) -> bytes:
    """The certificates, if all of them are authorities'. ValueError says what is wrong."""
    read_authorities(data)
    return data


def check_revocations(data: bytes) -> bytes:
    """The lists of revoked certificates, if all of them can be used. ValueError says what is wrong."""
    read_revocations(data)
    return data


def read_authorities(data: bytes) -> list[x509.Certificate]:
    """The certificates of a file in PEM. ValueError says what is wrong."""
    if _CERTIFICATE not in data:
        raise ValueError("it has no certificate in PEM (-----BEGIN CERTIFICATE-----)")
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValueError("it has a certificate that can't be read") from None
    for one in found:
        if not _is_authority(one):
            name = one.subject.rfc4514_string()
            raise ValueError(f"the certificate of {name} is no authority's (CA:TRUE is missing)")
    return found


def read_revocations(data: bytes) -> list[x509.CertificateRevocationList]:
    """The revocation lists of a file in PEM. ValueError says what is wrong."""
    parts = _LIST.findall(data)
    if not parts:
        raise ValueError("it has no revocation list in PEM (-----BEGIN X509 CRL-----)")
    try:
        found = [x509.load_pem_x509_crl(part) for part in parts]
        partial = [one for one in found if any(e.oid in _PARTIAL for e in one.extensions)]
    except ValueError:
        raise ValueError("it has a revocation list that can't be read") from None
    for one in found:
        name = one.issuer.rfc4514_string()
        if one in partial:
            raise ValueError(
                f"the revocation list of {name} is a part of one: a whole one is needed"
            )
        if one.next_update_utc is None:
            raise ValueError(f"the revocation list of {name} does not say when the next one comes")
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return found.value.ca
