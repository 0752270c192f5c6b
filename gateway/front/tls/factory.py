"""Makes the protocol of each new client: over TLS, or plain where TLS is not in force."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # where TLS is not in force nothing of it is loaded
    from gateway.front.tls.certificates import Certificates
    from gateway.front.tls.connection import Above
    from gateway.front.tls.handshakes import Handshakes


class Front(Protocol):
    """What is in force for new connections."""

    @property
    def in_force(self) -> bool: ...
    @property
    def certificates(self) -> "Certificates": ...
    @property
    def handshakes(self) -> "Handshakes": ...


def by_tls(make: "Callable[[], Above]", front: Front) -> Callable[[], asyncio.BaseProtocol]:
    """Make a factory of protocols from one of protocols of HTTP."""

    def protocol() -> asyncio.BaseProtocol:
        if front.in_force:
            from gateway.front.tls.connection import TlsConnection

            return TlsConnection(make, front.certificates, front.handshakes)
        return make()  # type: ignore[return-value]  # an aiohttp protocol is one

    return protocol
