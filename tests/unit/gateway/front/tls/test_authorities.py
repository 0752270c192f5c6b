"""Authorities that clients or instances are verified against are tried before they are used."""

import base64

import pytest
import trustme

from gateway.config.acme_authorities import read_authorities
from gateway.front.tls.contexts import check_authorities
from gateway.front.tls.pairs import BadCertificate


def _pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("text", [b"", b"no certificate\n", _pem(b"\x30\x03\x02\x01\x01")])
def test_what_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BadCertificate):
        check_authorities(text)


def test_comments_may_be_in_any_language(authority: trustme.CA) -> None:
    pem = "# Főtanúsítvány\n".encode() + authority.cert_pem.bytes()
    assert check_authorities(pem) == pem
    assert read_authorities(pem).isascii()
