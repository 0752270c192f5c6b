"""The certificates that a client has shown."""

import ssl
from typing import Any


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
