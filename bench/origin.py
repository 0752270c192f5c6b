"""The origin of all measurements but the smallest: `python -m bench.origin PORT`.

GET /small      see bench/answers.py           GET /bytes/N   N bytes
PUT /sink       reads a body, then answers     GET /events/N  Server-Sent Events, N ms apart,
GET /echo       upgrades, then echoes bytes                   each with the time when it was sent
"""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, cast

from bench.answers import answer

BLOCK = bytes(256 * 1024)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
#: With the answer to RFC 6455's sample key, which bench.tunnels sends: HAProxy checks it.
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Origin(asyncio.BufferedProtocol):
    """One connection; bodies are counted, not kept."""

    def __init__(self) -> None:
        self._buffer = bytearray(256 * 1024)
        self._head = b""
        self._body_left = 0
        self._behind_body = b""
        self._echoes = False
        self._work: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._echoes:
            self._transport.write(bytes(self._buffer[:nbytes]))
        elif self._body_left:
            self._body(nbytes)
        else:
            self._head += self._buffer[:nbytes]
            while b"\r\n\r\n" in self._head and not self._body_left:
                head, _, self._head = self._head.partition(b"\r\n\r\n")
                self._answer(head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._work is not None:
            self._work.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _body(self, count: int) -> None:
        self._body_left -= count
        if self._body_left <= 0:
            self._transport.write(self._behind_body)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        kind, _, number = path.strip(b"/").partition(b"/")
        if kind == b"bytes":
            self._begin(self._send_bytes(int(number)))
        elif kind == b"events":
            self._begin(self._send_events(int(number) / 1000))
        elif kind == b"sink":
            self._read_body(head, OK % (2, b"{}"))
        elif kind == b"echo":
            self._echoes = True
            self._transport.write(SWITCH + self._head)
        else:
            self._read_body(head, answer(path.partition(b"?")[0]))

    def _read_body(self, head: bytes, behind: bytes) -> None:
        """Answer when the body has come, of which a part came with the head."""
        self._behind_body = behind
        self._body_left = _length(head)
        came = min(len(self._head), self._body_left)
        self._head = self._head[came:]
        self._body(came)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = asyncio.ensure_future(work)

    async def _send_bytes(self, count: int) -> None:
        self._transport.write(OK % (count, b""))
        while count > 0 and not self._transport.is_closing():
            await self._writable.wait()
            self._transport.write(BLOCK if count >= len(BLOCK) else BLOCK[:count])
            count -= len(BLOCK)

    async def _send_events(self, interval_s: float) -> None:
        self._transport.write(STREAM)
        while not self._transport.is_closing():
            await asyncio.sleep(interval_s)
            event = b"data: %d\n\n" % time.monotonic_ns()
            self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(int(sys.argv[1])))
    else:
        uvloop.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
