"""Servers that get copies of requests, each bad in its own way: `python -m bench.bad_mirrors WAY=PORT …`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_BODY = b'{"symbol":"BTCUSDT","price":"0.25"}'
_FINE = b"%bContent-Length: %d\r\n\r\n%b" % (_JSON, len(_BODY), _BODY)
_PROBED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def good(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_FINE)


async def slow(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the gateway gives up."""
    await reader.read()


async def resetting(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def huge(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body without an end."""
    writer.write(_JSON + b"\r\n[")
    while not writer.transport.is_closing():
        writer.write(b"1," * 2**14)
        await writer.drain()


WAYS: dict[str, Answer] = {"good": good, "slow": slow, "resetting": resetting, "huge": huge}


def serving(
    answer: Answer,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /health"):
                    writer.write(_PROBED)
                    continue
                await answer(reader, writer)
                if answer is not good:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return serve


async def main() -> None:
    servers = []
    for argument in sys.argv[1:]:
        way, _, port = argument.partition("=")
        servers.append(
            await asyncio.start_server(serving(WAYS[way]), "127.0.0.1", int(port), backlog=1024)
        )
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
