"""The origin of a million URLs: `python -m bench.cache.memory.origin PORT`.

`/…/N` is answered with as many bytes as `loads.size_of` says for N, which begin with N, fresh for ten minutes.
"""

import asyncio
import sys
from typing import cast

from . import loads

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=600\r\n"
    b'ETag: "%d"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: %032d\r\n'
    b"Content-Length: %d\r\n\r\n"
)


class Origin(asyncio.Protocol):
    """One connection; its requests have no body."""

    def __init__(self) -> None:
        self._came = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, self._came = self._came.partition(b"\r\n\r\n")
            self._answer(int(head.split(b" ", 2)[1].rpartition(b"/")[2]))

    def _answer(self, number: int) -> None:
        self._transport.write(HEAD % (number, number, loads.size_of(number)) + body(number))


def body(number: int) -> bytes:
    """The bytes of a URL, which no other has."""
    return (b"%d " % number).ljust(loads.size_of(number), b"x")


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
