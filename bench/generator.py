"""A load generator for machines without wrk; it takes wrk's options and prints what wrk prints.

`python -m bench.generator -t1 -c64 -d3s --latency [-H 'Name: value']… URL`. It costs more than wrk,
so requests per second are limited by the generator, not by the gateway. CPU per request stays valid.
"""

import argparse
import asyncio
import time
from typing import cast
from urllib.parse import urlsplit

from bench.report import quantile


class Client(asyncio.Protocol):
    """One connection that sends the next request at once after an answer (with a Content-Length)."""

    def __init__(self, request: bytes, latencies_s: list[float]) -> None:
        self.failed = 0
        self._request = request
        self._latencies_s = latencies_s
        self._came = b""
        self._began_s = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        _, named, rest = head.lower().partition(b"content-length:")
        length = int(rest.partition(b"\r\n")[0]) if named else 0
        if len(body) >= length:
            self._latencies_s.append(time.perf_counter() - self._began_s)
            self.failed += not head.startswith(b"HTTP/1.1 2")
            self._ask()

    def close(self) -> None:
        self._transport.abort()

    def _ask(self) -> None:
        self._came = b""
        self._began_s = time.perf_counter()
        self._transport.write(self._request)


async def run(url: str, connections: int, duration_s: float, fields: list[str]) -> None:
    parts = urlsplit(url)
    lines = [f"GET {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", *fields, "", ""]
    request = "\r\n".join(lines).encode("latin-1")
    latencies_s: list[float] = []
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    loop = asyncio.get_running_loop()
    began_s = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(request, latencies_s), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(duration_s)
    took_s = time.perf_counter() - began_s
    count = len(latencies_s)
    print(f"     50%    {quantile(latencies_s, 0.50) * 1000:.2f}ms")
    print(f"     99%    {quantile(latencies_s, 0.99) * 1000:.2f}ms")
    print(f"  {count} requests in {took_s:.2f}s, 0MB read")
    failed = sum(client.failed for client in clients)
    if failed:
        print(f"  Non-2xx or 3xx responses: {failed}")
    for client in clients:
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", type=int, default=1, help="ignored")
    parser.add_argument("-c", type=int, default=64, help="connections")
    parser.add_argument("-d", default="3s", help="duration, such as 3s")
    parser.add_argument("-H", action="append", default=[], help="a field line")
    parser.add_argument("--latency", action="store_true", help="ignored")
    parser.add_argument("url")
    args = parser.parse_args()
    work = run(args.url, args.c, float(args.d.rstrip("s")), args.H)
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    main()
