"""A load generator for machines without wrk; it takes wrk's options and prints what wrk prints.

`python -m bench.generator -t1 -c64 -d3s --latency URL -- TEMPLATE-FILE RUN PAUSE-MS`. It costs more
than wrk, so requests per second are limited by the generator, not by the gateway. CPU per request stays
valid.
"""

import argparse
import asyncio
import random
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from bench.report import quantile
from bench.workloads import requests


class Client(asyncio.Protocol):
    """One connection that sends the next request a while after an answer, or at once."""

    def __init__(
        self, sent: Iterator[bytes], latencies_s: list[float], pause_s: float = 0.0
    ) -> None:
        self.failed = 0
        self._sent = sent
        self._latencies_s = latencies_s
        self._pause_s = pause_s
        self._came = b""
        self._began_s = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._rest()

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if end and _whole(head.lower(), body):
            self._latencies_s.append(time.perf_counter() - self._began_s)
            self.failed += not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3"))
            self._rest()

    def close(self) -> None:
        self._transport.abort()

    def _rest(self) -> None:
        if self._pause_s:
            pause_s = random.expovariate(1 / self._pause_s)
            asyncio.get_running_loop().call_later(pause_s, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._came = b""
        self._began_s = time.perf_counter()
        self._transport.write(next(self._sent))


def _whole(head: bytes, body: bytes) -> bool:
    """Whether the body has come that belongs to this head, which is in lower case."""
    if head.startswith(b"http/1.1 304"):
        return True
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"\r\n0\r\n\r\n")
    _, named, rest = head.partition(b"content-length:")
    return len(body) >= (int(rest.partition(b"\r\n")[0]) if named else 0)


async def run(
    port: int,
    sent: Iterator[bytes],
    connections: int,
    duration_s: float,
    pause_s: float,
    tls: ssl.SSLContext | None,
) -> None:
    latencies_s: list[float] = []
    loop = asyncio.get_running_loop()
    began_s = time.perf_counter()
    clients = [
        (
            await loop.create_connection(
                lambda: Client(sent, latencies_s, pause_s), "127.0.0.1", port, ssl=tls
            )
        )[1]
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


def _unverified() -> ssl.SSLContext:
    """As wrk: it measures, and trusts whoever answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", type=int, default=1, help="ignored")
    parser.add_argument("-c", type=int, default=64, help="connections")
    parser.add_argument("-d", default="3s", help="duration, such as 3s")
    parser.add_argument("--latency", action="store_true", help="ignored")
    parser.add_argument("url")
    parser.add_argument("template", type=Path, help="see bench/workloads.py")
    parser.add_argument("run", help="what the ids begin with: 8 hexadecimal digits")
    parser.add_argument("pause_ms", type=float, help="mean rest before each request")
    args = parser.parse_args()
    work = run(
        urlsplit(args.url).port or 80,
        requests(args.template.read_bytes().decode("ascii"), args.run),
        args.c,
        float(args.d.rstrip("s")),
        args.pause_ms / 1000,
        _unverified() if args.url.startswith("https:") else None,
    )
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    main()
