"""The layer alone, without sockets: `python -m bench.auth.layer_alone` with what it measures on standard input.

The way of each host is told a credential that it remembers. A call of the layer is timed, less one for a host
where nobody is asked. The least of several runs is printed, in µs, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.app import create_app
from gateway.config.settings import load_settings
from gateway.front.plain_heads import PlainHead
from gateway.worker.configuration.at_start import read_at_start
from gateway.worker.worker import GATEWAY, Gateway
from middlewares.auth.layer import auth_middleware
from middlewares.exchange import EXCHANGE, Exchange

CALLS = 5000
RUNS = 15
#: Fields as the workload of the hop has them; the last two may have credentials.
LINES = [
    b"User-Agent: prices/2.4 (linux)",
    b"Accept: application/json",
    b"Accept-Encoding: gzip, deflate",
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
]


async def measure(environment: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, float]:
    """The µs of each host, by the credentials of `asked`; `none` is the first of them."""
    settings = load_settings(environment)
    app = create_app(settings, read_at_start(settings))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        gateway = app[GATEWAY]
        calls = {host: await _call(gateway, host, asked[host]) for host in asked}
        found: dict[str, list[float]] = {host: [] for host in asked}
        for _ in range(RUNS):
            for host, call in calls.items():
                found[host].append(_timed_us(call))
    finally:
        await runner.cleanup()
    least = {host: min(of_host) for host, of_host in found.items()}
    return {host: one - least["none.example.com"] for host, one in least.items()}


async def _call(gateway: Gateway, host: str, credential: str) -> Callable[[], object]:
    """A call of the layer for a request that it has admitted before."""
    layer: Any = auth_middleware(scheme_of=lambda _: "http", metrics=gateway.metrics)
    ways = gateway.routing.ways
    lines = [b"Host: " + host.encode(), *LINES, b"Authorization: " + credential.encode()]
    block = b"".join([line + b"\r\n" for line in lines])
    request = make_mocked_request("GET", "/unique")
    done = web.Response()

    def exchange() -> Exchange:
        """As of a request that was read plainly, which nearly all are."""
        head = PlainHead("GET", "/unique", block, b"", b"", trusted=False)
        head.host, head.credential_lines = host.encode(), (lines[-1], b"", lines[-2])
        return Exchange("0" * 32, 0.0, "127.0.0.1", head, None, "/unique", "/unique")

    request[EXCHANGE] = first = exchange()
    route = gateway.routing.table.find(first, gateway.routed_view, "GET").route

    async def admitted(_: web.Request) -> web.StreamResponse:
        return done

    first.route, first.ways = route, ways
    await layer(request, admitted)

    def call() -> object:
        request[EXCHANGE] = one = exchange()
        one.route, one.ways = route, ways
        return layer(request, lambda _: done)

    answer = call()
    assert answer is done, f"{host} remembers nothing"
    return call


def _timed_us(call: Callable[[], object]) -> float:
    began_s = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - began_s) / CALLS * 1e6


if __name__ == "__main__":
    said = json.load(sys.stdin)
    print(json.dumps(asyncio.run(measure(said["environment"], said["asked"]))))
