"""A client's connection over TLS: a layer between the plain connection and the HTTP protocol."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from gateway.front.tls.certificates import Certificates
from gateway.front.tls.client_hello import ClientHello
from gateway.front.tls.handshakes import Handshakes
from gateway.front.tls.peers import peer_chain
from gateway.front.tls.plain_http import is_http, is_tls, use_https
from gateway.upstream.reading import Reader

#: Most bytes of a record (RFC 8446 §5.1): no read gives more.
_RECORD_BYTES = 16 * 1024
#: OpenSSL's reasons that say nothing to people; there is no certificate at all before ACME has the first.
_REASONS = {"CALLBACK_FAILED": "there is no certificate yet"}


class Above(Protocol):
    """The HTTP protocol of one client: gateway.front.connection.GatewayRequestHandler."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class TlsConnection(Reader, asyncio.Transport):
    """Is a protocol for the transport below, and a transport for the protocol above.

    The event loops' own TLS can't change certificates, can't end one direction alone, and knows no plain
    HTTP. Until the client's first bytes there is neither a TLS object nor a protocol above.
    """

    def __init__(
        self, make: Callable[[], Above], certificates: Certificates, handshakes: Handshakes
    ) -> None:
        super().__init__()
        self._make = make
        self._certificates = certificates
        self._handshakes = handshakes
        self._below: asyncio.Transport
        self._above: Above | None = None
        self._tls: ssl.SSLObject | None = None
        #: What has come of the client's first message.
        self._hello: ClientHello | None = None
        self._received: ssl.MemoryBIO
        self._unsent: ssl.MemoryBIO
        self._peer_chain: tuple[bytes, ...] = ()
        #: Whether the client has said that it sends no more, and whether the gateway has.
        self._has_finished = False
        self._has_ended = False
        self._is_closed = False
        self._is_tunnel = False
        #: An ACME server looks, which asks for nothing behind the handshake.
        self._is_challenge = False
        #: The client speaks plain HTTP: what else comes is thrown away.
        self._is_plain = False

    # The protocol, towards the transport below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._below = transport  # type: ignore[assignment]
        self._handshakes.begin(self)

    def data_received(self, data: bytes | memoryview) -> None:
        if self._has_finished or self._is_closed:
            return  # what comes behind the client's end would only fill memory
        if self._tls is None:
            if self._is_plain or not self._begin(data):
                return
        else:
            self._received.write(data)
        if self._above is not None or self._shake():
            self._read()

    def eof_received(self) -> bool:
        """Handle a FIN: what came before it is answered, as over plain TCP.

        Anyone can forge a FIN. A request tells its own length, but a tunnel's bytes do not: without
        close_notify a tunnel is over, and not finished in one direction (RFC 8446 §6.1).
        """
        above = self._above
        if above is None:
            return False
        if not self._has_finished:
            if self._is_tunnel:
                self.abort()
                return False
            self._finish()
        return not self._is_closed

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closed = True
        above = self._above
        if above is not None:
            self._above = None
            above.connection_lost(exc)
        elif self._tls is None and self._hello is None:
            self._handshakes.left(self)
        else:
            self._handshakes.failed(self, "the client has left", self._client)

    def pause_writing(self) -> None:
        if self._above is not None:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        if self._above is not None:
            self._above.resume_writing()

    # The transport, towards the protocol above.

    def get_protocol(self) -> Any:
        return self._above

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._above = protocol  # type: ignore[assignment]
        self._is_tunnel = True  # nothing else takes the place of HTTP

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        tls = self._tls
        if tls is None or self._has_ended or not data:
            return
        try:
            written = tls.write(data)
            if written < len(data):
                unwritten = memoryview(data)[written:]
                while unwritten:
                    unwritten = unwritten[tls.write(unwritten) :]
        except ssl.SSLError:
            self.abort()
            return
        if not self._below.is_closing():
            self._below.write(self._unsent.read())

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Tell the client that no more is sent; what comes is still read (RFC 8446 §6.1)."""
        if self._tls is not None and self._above is not None and not self._has_ended:
            self._has_ended = True
            with contextlib.suppress(ssl.SSLError):  # the client has not ended its side yet
                self._tls.unwrap()
            self._send()
            if not self._below.is_closing():
                self._below.write_eof()

    def close(self) -> None:
        if not self._is_closed:
            self._say_the_end()
            self._is_closed = True
            self._below.close()

    def abort(self) -> None:
        self._is_closed = True
        self._below.abort()

    def is_closing(self) -> bool:
        return self._is_closed or self._below.is_closing()

    def pause_reading(self) -> None:
        if not self.is_closing():
            self._below.pause_reading()

    def resume_reading(self) -> None:
        if not self.is_closing():
            self._below.resume_reading()

    def is_reading(self) -> bool:
        return self._below.is_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As of other transports; `peer_chain`: the client's certificates in DER, its own first, verified."""
        if name == "peer_chain":
            return self._peer_chain
        if name == "ssl_object":
            return self._tls
        if name == "sslcontext":
            return self._tls.context if self._tls is not None else default
        return self._below.get_extra_info(name, default)

    # Between the two.

    def _begin(self, data: bytes | memoryview) -> bool:
        """Look at the client's first message; False: it has more to come, or is refused."""
        hello = self._hello
        if hello is None:
            if not is_tls(data):
                self._refuse(bytes(data))
                return False
            hello = self._hello = ClientHello()
        is_whole = hello.is_whole(data)
        if hello.is_too_long:
            return self._fail("the first message is too long")
        if not is_whole:
            return False
        self._hello = None
        if hello.has_odd_name:  # Python would write a traceback to standard error
            return self._fail("the server name is not valid")
        certificates = self._certificates
        context = None
        if certificates.has_challenges and hello.asks_for_challenge:
            context = certificates.challenge_base(hello.server_name)
            self._is_challenge = context is not None
        self._received, self._unsent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._received.write(hello.received)
        self._tls = (context or certificates.base()).wrap_bio(
            self._received, self._unsent, server_side=True
        )
        return True

    def _fail(self, why: str) -> bool:
        self._handshakes.failed(self, why, self._client)
        self.abort()
        return False

    def _refuse(self, data: bytes) -> None:
        if not is_http(data):
            self._fail("the client does not speak TLS")
            return
        # The connection stays until the client closes it, or its time is up: a close with unread bytes
        # would reset it, and the client would lose the answer.
        self._is_plain = True
        self._below.write(use_https(data))
        self._below.write_eof()
        self._handshakes.refused_plain(self)

    def _shake(self) -> bool:
        """Go on with the handshake; True once it is done."""
        tls = self._tls
        assert tls is not None
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return False
        except ssl.SSLError as error:
            self._send()  # an alert that tells the reason
            why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
            reason = error.reason or "unknown"
            why = why or _REASONS.get(reason, reason.lower().replace("_", " "))
            self._handshakes.failed(self, why, self._client)
            self._is_closed = True
            self._below.close()
            return False
        self._send()
        self._peer_chain = peer_chain(tls)
        self._handshakes.done(self, "resumed" if tls.session_reused else "full")
        if self._is_challenge:  # no certificate was asked for, so no request may come
            self._is_closed = True
            self._below.close()
            return False
        self._above = above = self._make()
        above.connection_made(self)
        return True

    def _read(self) -> None:
        """Read all that has come, even if the protocol above has paused: that is one buffer at most."""
        tls, received = self._tls, self._received
        assert tls is not None
        try:
            # To ask first is cheaper than an error at the end.
            while (received.pending or tls.pending()) and not self._is_closed:
                above = self._above
                if above is None or self._has_finished:
                    return
                if data := tls.read(_RECORD_BYTES):
                    above.data_received(data)
                else:
                    self._finish()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._finish()
            return
        except ssl.SSLError:
            self._send()
            self.abort()
            return
        if self._unsent.pending:
            self._send()  # the answer to a key update

    def _finish(self) -> None:
        if self._has_finished:
            return
        self._has_finished = True
        if self._above is not None and not self._above.eof_received():
            self.close()

    def _say_the_end(self) -> None:
        if self._tls is not None and self._above is not None and not self._has_ended:
            self._has_ended = True
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._send()

    def _send(self) -> None:
        if self._unsent.pending and not self._below.is_closing():
            self._below.write(self._unsent.read())

    @property
    def _client(self) -> str:
        name = self._below.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple | list) and name else ""
