"""What an instance answers that lasts: WebSocket tunnels that echo, and event streams."""

import asyncio
import base64
import hashlib

#: The last segments of their paths.
ECHO, EVENTS = b"echo", b"events"
EVENT_EACH_S = 0.5
#: A masked text frame of a client, with a mask of zeros, and its unmasked echo.
TEXT = b"lockgate " * 4
FRAME = bytes((0x81, 0x80 | len(TEXT))) + bytes(4) + TEXT
ECHOED = bytes((0x81, len(TEXT))) + TEXT
EVENT = b"data: still here\n\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class Lasting:
    """One tunnel or stream of an instance, until the client ends it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._came = b""
        self._timer: asyncio.TimerHandle | None = None

    def echo(self, key: bytes) -> None:
        """Begin a tunnel."""
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def stream(self) -> None:
        """Begin a stream."""
        self._transport.write(_STREAM)
        self._send_event()

    def came(self, data: bytes) -> None:
        """Echo the client's frames."""
        self._came += data
        while len(self._came) >= len(FRAME):
            self._came = self._came[len(FRAME) :]
            self._transport.write(ECHOED)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _send_event(self) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        self._timer = asyncio.get_running_loop().call_later(EVENT_EACH_S, self._send_event)
