"""Purges while clients ask without a pause: nobody who asks after a purge gets what was there before it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from discovery.base.tasks import end
from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.caching import purge
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

GATEWAYS = 4
CLIENTS_PER_GATEWAY = 3
PURGES = 25
FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stores: STORE}
"""
ASK = b"GET /page HTTP/1.1\r\nHost: shop.example\r\n\r\n"


class Versions:
    """An upstream that reads its page at the beginning of a request, and answers a little later."""

    def __init__(self) -> None:
        self.version = 1

    async def __call__(self, _received: Received, writer: asyncio.StreamWriter) -> None:
        body = b"%d" % self.version
        # Long enough for a purge to come in between.
        for _ in range(20):
            await asyncio.sleep(0)
        writer.write(
            b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nCache-Tag: page\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()


class Clients:
    """Clients of all gateways; each of their answers must have at least the version purged for before they asked."""

    def __init__(self) -> None:
        self.least = 0
        self.answers = 0
        self.hits = 0
        self.too_old: list[tuple[int, int]] = []

    async def ask(self, gateway: RunningGateway) -> None:
        async with await RawClient.connect(gateway.port) as client:
            while True:
                least = self.least
                await client.send(ASK)
                answer = await client.answer()
                assert answer.status == 200
                self.answers += 1
                self.hits += b"lockgate; hit" in answer.values(b"cache-status")[0]
                if int(answer.body) < least:
                    self.too_old.append((int(answer.body), least))


@asynccontextmanager
async def asking(clients: Clients, gateways: list[RunningGateway]) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(clients.ask(gateway))
        for gateway in gateways
        for _ in range(CLIENTS_PER_GATEWAY)
    ]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        await end(*tasks)
        assert not failed


@pytest.mark.parametrize("store", ["memory", "redis"])
async def test_who_asks_after_a_purge_gets_nothing_from_before_it(
    start_configured: StartConfigured, start_gateway: StartGateway, store: str
) -> None:
    upstream = Versions()
    configured: Configured = await start_configured(FILE.replace("STORE", store), upstream)
    others = [await start_gateway(GATEWAY_CONFIG=str(configured.file)) for _ in range(GATEWAYS - 1)]
    gateways = [configured.gateway, *others]
    for gateway in gateways:
        if gateway is not configured.gateway:
            await gateway.register(
                "order_service", configured.upstream.port, health_check_url="/health"
            )
        remembering = gateway.gateway.remembering
        assert remembering is not None
        await eventually(lambda purging=remembering.purging: purging.is_current)
    clients = Clients()
    kinds = itertools.cycle([{"tag": "page"}, {"url": "/page"}, {"prefix": "http://shop.example"}])
    async with asking(clients, gateways):
        for gateway, asked in zip(itertools.cycle(gateways), kinds, strict=False):
            upstream.version += 1
            answer = await purge(gateway, **asked)
            assert answer.status == 200
            if "unconfirmed" not in answer.json():  # as it may be on a busy machine
                clients.least = upstream.version
            until = clients.answers + GATEWAYS * CLIENTS_PER_GATEWAY * 2
            await eventually(lambda until=until: clients.answers >= until)
            if upstream.version > PURGES:
                break
    assert clients.too_old == []
    assert clients.least > 1
    assert clients.hits > PURGES, "most answers come from the cache"
