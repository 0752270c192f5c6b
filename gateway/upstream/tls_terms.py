"""What each service's instances must show over TLS, and what the gateway shows to them."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from gateway.upstream.pem import load_pair, text_of


@dataclass(frozen=True, slots=True)
class TlsTerms:
    """PEM of authorities (None: the system's), the name to ask for (empty: the instance's host), a certificate.

    `chain` and `key` are PEM too; None: the gateway shows nothing.
    """

    ca: bytes | None = field(default=None, repr=False)
    server_name: str = ""
    chain: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)


class TlsOfServices:
    """The context and server name for each service; equal terms share a context and keep it over reloads."""

    def __init__(self) -> None:
        self._terms: Mapping[str, TlsTerms] = {}
        self._contexts: dict[TlsTerms, ssl.SSLContext] = {}

    def take(self, terms: Mapping[str, TlsTerms]) -> None:
        """Put the terms of services in force, for new connections. Raises OSError (ssl.SSLError is one)."""
        if terms == self._terms:
            return
        known = self._contexts
        contexts = {one: known.get(one) or _context(one) for one in terms.values()}
        self._terms, self._contexts = terms, contexts

    def of(self, service: str, host: str) -> tuple[ssl.SSLContext, str]:
        """The context for an instance, and the name that its certificate must have."""
        terms = self._terms.get(service)
        if terms is None:
            return tls_context(), host
        return self._contexts[terms], terms.server_name or host


@cache
def tls_context() -> ssl.SSLContext:
    """Trust the system's certificate authorities, and require the instance's registered host name."""
    return _verifying(None)


def _context(terms: TlsTerms) -> ssl.SSLContext:
    context = _verifying(terms.ca)
    if terms.chain is not None and terms.key is not None:
        load_pair(context, terms.chain, terms.key)
    return context


def _verifying(ca: bytes | None) -> ssl.SSLContext:
    # An own authority is trusted in place of the system's, not beside them.
    context = ssl.create_default_context(cadata=None if ca is None else text_of(ca))
    if ca is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_RENEGOTIATION  # in a renegotiation a write has to wait for a read
    return context
