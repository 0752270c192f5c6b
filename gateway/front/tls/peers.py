"""The certificates that a client has shown."""

import ssl
from typing import Any, Final

#: OpenSSL keeps so many sessions of a context.
MOST_SESSIONS: Final = 20_480


def peer_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The client's verified certificates in DER: its own first, the authority's last; empty: it has shown none."""
    own = tls.getpeercert(binary_form=True)
    if own is None:
        return ()
    if hasattr(tls, "get_verified_chain"):  # since Python 3.13
        return tuple(tls.get_verified_chain())
    inner: Any = tls._sslobj  # type: ignore[attr-defined]
    chain = inner.get_verified_chain() or ()
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain) or (own,)


class PeerChains:
    """The chains of clients whose sessions OpenSSL may resume: it keeps their own certificate alone.

    There are no tickets where certificates are asked for, but a session of TLS 1.2 can be resumed by its
    number, for as long as the context lives. It is bounded as OpenSSL's memory of sessions is.
    """

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._most = most
        #: By the number of the session, the oldest first.
        self._chains: dict[bytes, tuple[bytes, ...]] = {}

    def of(self, tls: ssl.SSLObject) -> tuple[bytes, ...]:
        """What `peer_chain` was when the session began; empty if that is forgotten."""
        if not tls.session_reused:
            chain = peer_chain(tls)
            number = _number(tls)
            if chain and number:
                if len(self._chains) >= self._most:
                    del self._chains[next(iter(self._chains))]
                self._chains[number] = chain
            return chain
        own = tls.getpeercert(binary_form=True)
        chain = self._chains.get(_number(tls), ())
        return chain if own is not None and chain[:1] == (own,) else ()


def _number(tls: ssl.SSLObject) -> bytes:
    """The number of a session that can be resumed by it; empty: it can't."""
    session = tls.session
    return session.id if session is not None and tls.version() == "TLSv1.2" else b""
