"""Authorities that an ACME directory's own certificate is verified against."""

from cryptography import x509


def read_authorities(data: bytes) -> str:
    """Certificates in PEM. ValueError: there are none."""
    try:
        x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValueError("it has no certificates in PEM (-----BEGIN CERTIFICATE-----)") from None
    return data.decode("ascii", "replace")
