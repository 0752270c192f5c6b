"""Drains under load, to see whether a request comes after the acknowledgement."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.conftest import StartUpstream
from tests.support.gateway_processes import GatewayProcess, in_the_end
from tests.support.raw_clients import exchange
from tests.support.upstreams import ScriptedUpstream

GET = b"GET /api/orders/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
CLIENTS_OF_A_GATEWAY = 2
#: So many requests of all clients after an acknowledgement must go to another instance.
AFTERWARDS = 24


class Drains:
    """Clients send requests to all gateways without a pause; `once` adds an instance and drains it."""

    def __init__(self, gateways: Sequence[GatewayProcess], drained: ScriptedUpstream) -> None:
        self._gateways = gateways
        self._drained = drained
        self._number = 0
        self._asked = 0
        #: Requests that came after an acknowledgement.
        self.late = 0
        #: The statuses of requests that were not answered 200, or why there was no answer.
        self.failed: list[Any] = []

    @classmethod
    @asynccontextmanager
    async def running(
        cls, gateways: Sequence[GatewayProcess], start_upstream: StartUpstream
    ) -> AsyncIterator["Drains"]:
        stays, drained = await start_upstream(), await start_upstream()
        path = "/services/orders_service/instances/stays"
        await gateways[0].put(path, stays.port, health_check_url="/health")
        for gateway in gateways:
            await in_the_end(lambda g=gateway: g.logs("instance.health_changed"))
        drains = cls(gateways, drained)
        clients = [
            asyncio.create_task(drains._ask(gateway.port))
            for gateway in gateways
            for _ in range(CLIENTS_OF_A_GATEWAY)
        ]
        try:
            yield drains
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def once(self) -> dict[str, Any]:
        """Add an instance, wait until it has requests, drain it, and deregister it; what the drain answered."""
        self._number += 1
        gateway = self._gateways[self._number % len(self._gateways)]
        path = f"/services/orders_service/instances/i{self._number}"
        had = len(self._drained.requests)
        await gateway.put(path, self._drained.port, health_check_url="/health")
        await in_the_end(lambda: len(self._drained.requests) > had + 4)
        answer = await gateway.request("POST", f"{path}/drain?wait=30")
        acknowledged = len(self._drained.requests)
        assert answer.status == 200, answer.body
        asked = self._asked
        await in_the_end(lambda: self._asked >= asked + AFTERWARDS)
        self.late += len(self._drained.requests) - acknowledged
        # 404: its answer came too late, and it was sent again.
        assert (await gateway.request("DELETE", path)).status in (204, 404)
        drained: dict[str, Any] = answer.json()
        return drained

    async def _ask(self, port: int) -> None:
        while True:
            try:
                status: Any = (await exchange(port, GET)).status
            except (OSError, EOFError) as error:
                status = repr(error)
            if status != 200:
                self.failed.append(status)
            self._asked += 1
