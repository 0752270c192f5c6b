"""TLS to an https instance: a layer between the plain connection and the HTTP protocol."""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

from gateway.upstream.reading import READ_BYTES, Reader, rest


class TlsLayer(Reader, asyncio.Transport):
    """Is a protocol for the transport below, and a transport for the protocol above.

    The event loops' own TLS drops unread bytes when a write fails, which loses an answer that comes
    in the middle of an upload; and it can't end one direction alone.
    """

    def __init__(
        self, context: ssl.SSLContext, host: str, sock: socket.socket, above: Reader
    ) -> None:
        super().__init__()
        self._sock = sock
        self._above = above
        self._below: asyncio.Transport
        self._received = ssl.MemoryBIO()
        self._unsent = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._unsent, server_hostname=host)
        #: Its result is None if the handshake has succeeded, else the error.
        self._shaken: asyncio.Future[Exception | None]
        self._shaken = asyncio.get_running_loop().create_future()
        self._is_up = False
        #: Whether the instance has said that it sends no more, and whether the gateway has.
        self._has_finished = False
        self._has_ended = False
        self._is_closed = False
        self._failure: Exception | None = None

    async def handshake(self) -> None:
        """Wait for the end of the handshake. Raises OSError (ssl.SSLError is one)."""
        try:
            failure = await self._shaken
        except asyncio.CancelledError:
            self.abort()
            raise
        if failure is not None:
            raise failure

    # The protocol, towards the transport below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._below = transport  # type: ignore[assignment]
        self._shake()

    def data_received(self, data: bytes | memoryview) -> None:
        if self._has_finished or self._is_closed:
            return  # what comes behind the instance's end would only fill memory
        self._received.write(data)
        if not self._is_up:
            self._shake()
        if self._is_up:
            self._read()

    def eof_received(self) -> bool:
        """Handle a FIN. Anyone can forge one: only close_notify ends the data (RFC 8446 §6.1)."""
        if not self._has_finished and self._failure is None:
            self._failure = ConnectionResetError("it was ended without TLS's close_notify")
        return self._has_finished and not self._is_closed

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            for data in rest(self._sock):
                self.data_received(data)
                if self._is_closed:
                    break
            self._failure = self._failure or ConnectionResetError(str(exc))
        failure = None if self._has_finished else self._failure
        self._end_handshake(failure or ConnectionResetError("it was ended in the TLS handshake"))
        if self._is_up:
            self._above.connection_lost(failure)

    def pause_writing(self) -> None:
        if self._is_up:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        if self._is_up:
            self._above.resume_writing()

    # The transport, towards the protocol above.

    def get_protocol(self) -> Reader:
        return self._above

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, Reader)
        self._above = protocol

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        unwritten = memoryview(data)
        try:
            while unwritten:
                unwritten = unwritten[self._tls.write(unwritten) :]
        except ssl.SSLError as error:
            self._break(error)
        self._send()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Tell the instance that no more is sent; what comes is still read (RFC 8446 §6.1)."""
        if self._is_up and not self._has_ended:
            self._has_ended = True
            with contextlib.suppress(ssl.SSLError):  # the instance has not ended its side yet
                self._tls.unwrap()
            self._send()

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.write_eof()
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

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return self._below.get_extra_info(name, default)

    # Between the two.

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
        except ssl.SSLError as error:
            self._send()  # an alert that tells the reason
            self._end_handshake(error)
            self.close()
        else:
            self._send()
            self._is_up = True
            self._above.connection_made(self)
            self._end_handshake(None)

    def _end_handshake(self, failure: Exception | None) -> None:
        if not self._shaken.done():
            self._shaken.set_result(failure)

    def _read(self) -> None:
        """Read all that has come, even if the protocol above has paused: that is one buffer at most."""
        try:
            while not self._is_closed and not self._has_finished:
                if data := self._tls.read(READ_BYTES):
                    self._above.data_received(data)
                else:
                    self._finish()
        except ssl.SSLWantReadError:
            self._send()  # the answer to a key update
        except ssl.SSLZeroReturnError:
            self._finish()
        except ssl.SSLError as error:
            self._break(error)

    def _finish(self) -> None:
        self._has_finished = True
        if not self._above.eof_received():
            self.close()

    def _break(self, error: ssl.SSLError) -> None:
        self._failure = error
        self._send()
        self._below.abort()

    def _send(self) -> None:
        if self._unsent.pending and not self._below.is_closing():
            self._below.write(self._unsent.read())
