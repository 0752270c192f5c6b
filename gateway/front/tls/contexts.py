"""Makes the contexts of OpenSSL: what is spoken at the front, and with which certificates."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.front.tls.pairs import BadCertificate, Pair, check_chain
from gateway.upstream.pem import load_pair, text_of

#: Ciphers of TLS 1.2, all with forward secrecy and AEAD, as Mozilla's intermediate ones; 1.3 has its own.
_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_PROTOCOLS: Final = ["http/1.1"]
#: RFC 8737.
ACME_PROTOCOL: Final = "acme-tls/1"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of clients; `client_cas` is PEM, None: no certificate is asked for."""

    least_version: Literal["1.2", "1.3"] = "1.2"
    client_cas: bytes | None = field(default=None, repr=False)
    #: Without a certificate the handshake fails; else only one that is not valid makes it fail.
    client_required: bool = False


def base_context(terms: Terms) -> ssl.SSLContext:
    """What every connection begins with; the certificate comes with the server name, as do authorities of clients."""
    context = _server_context(terms.least_version)
    context.set_alpn_protocols(_PROTOCOLS)
    context.num_tickets = 1  # a client gets a new one each time that it uses one
    if terms.client_cas is not None:
        context.verify_mode = ssl.CERT_REQUIRED if terms.client_required else ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # A session would let a client in after its certificate has expired, or left the file. In TLS 1.2 there
        # are sessions without tickets, so each connection then has a context of its own.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def context_of(pairs: Sequence[Pair], client_cas: bytes | None) -> ssl.SSLContext:
    """A context with a certificate, or with one of each kind of key. Raises BadCertificate.

    OpenSSL looks for the authorities of clients here, once the server name, or that there is none, has led to
    this context.
    """
    context = _server_context("1.2")
    context.set_alpn_protocols(_PROTOCOLS)
    if client_cas is not None:
        # Bytes would be taken for DER.
        context.load_verify_locations(cadata=text_of(client_cas))
    for pair in pairs:
        _load(context, pair)
    return context


def check_authorities(pem: bytes) -> bytes:
    """The same, if clients or instances can be verified against it. Raises BadCertificate."""
    check_chain(pem)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text_of(pem))
    except ssl.SSLError:
        raise BadCertificate("it has a certificate that OpenSSL can't read") from None
    return pem


def challenge_context(pair: Pair) -> ssl.SSLContext:
    """A context that proves to an ACME server who this is."""
    context = _server_context("1.2")
    context.set_alpn_protocols([ACME_PROTOCOL])
    _load(context, pair)
    return context


def _server_context(least_version: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if least_version == "1.3" else ssl.TLSVersion.TLSv1_2
    )
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # The client knows whether its machine is quicker with AES or with ChaCha20.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(_CIPHERS)
    return context


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    try:
        load_pair(context, pair.chain, pair.key)
    except ssl.SSLError as error:
        why = (error.reason or "it can't be read").lower().replace("_", " ")
        raise BadCertificate(f"is not taken by OpenSSL: {why}") from None
