"""Authorities that an ACME directory's own certificate is verified against."""

from cryptography import x509

from gateway.upstream.pem import text_of


def read_authorities(data: bytes) -> str:
    """Certificates in PEM. ValueError: there are none."""
    try:
        x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValueError("it has no certificates in PEM (-----BEGIN CERTIFICATE-----)") from None
    return text_of(data)
