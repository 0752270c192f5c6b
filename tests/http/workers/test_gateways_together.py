"""Two gateways of two workers each: what they must keep together."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import StartUpstream
from tests.support.drained import Drains
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers, in_the_end
from tests.support.raw_clients import exchange

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

GET = b"GET /api/orders/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
LIMIT = 60
#: `DRAINS=200 python -m pytest -k acknowledged` on this file is the long way.
DRAINS = int(os.environ.get("DRAINS", "20"))


@asynccontextmanager
async def two_gateways(
    folder: Path, registry_url: str, **environment: str
) -> AsyncIterator[tuple[GatewayOfWorkers, GatewayOfWorkers]]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    async with (
        gateway_of_workers(folder / "one", registry_url, **environment) as one,
        gateway_of_workers(folder / "two", registry_url, **environment) as two,
    ):
        yield one, two


async def limit_decisions(gateway: GatewayOfWorkers) -> Counter[str]:
    """How often its workers have decided what: `allowed`, `allowed_locally`, and so on."""
    text = (await gateway.request("GET", "/metrics")).body.decode()
    return Counter(
        {
            sample.labels["decision"]: int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "gateway_rate_limit_decisions_total"
        }
    )


async def test_four_workers_of_two_gateways_admit_no_more_than_the_limit(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    async with two_gateways(
        tmp_path, registry_url, RATE_LIMIT_REQUESTS=str(LIMIT), RATE_LIMIT_WINDOW="600"
    ) as gateways:
        await gateways[0].register("orders_service", upstream.port, health_check_url="/health")
        for gateway in gateways:
            await in_the_end(lambda g=gateway: g.logs("instance.health_changed"))
        statuses: list[int] = []

        async def ask(port: int) -> None:
            for _ in range(LIMIT // 2):
                answer = await exchange(port, GET)
                statuses.append(answer.status)

        await asyncio.gather(*(ask(one.port) for one in gateways for _ in range(6)))
        assert len(statuses) == 6 * LIMIT
        admitted = statuses.count(200)
        assert statuses.count(429) == 6 * LIMIT - admitted
        assert len(upstream.requests) == admitted
        decided: Counter[str] = Counter()

        async def all_is_told() -> bool:
            decided.clear()
            for gateway in gateways:
                decided.update(await limit_decisions(gateway))
            return decided["allowed"] + decided["allowed_locally"] == admitted

        await in_the_end(all_is_told)
        # A worker that has no answer of the registry within 0.1 s decides by itself; it may be counted there.
        alone = decided["allowed_locally"] + decided["refused_locally"]
        assert LIMIT - alone <= decided["allowed"] <= LIMIT


async def test_no_worker_sends_a_request_after_a_drain_is_acknowledged(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    async with (
        two_gateways(tmp_path, registry_url, RATE_LIMIT_REQUESTS="0") as gateways,
        Drains.running(gateways, start_upstream) as drains,
    ):
        for _ in range(DRAINS):
            drained = await drains.once()
            assert drained == {"complete": True, "workers": 4, "missing": 0, "in_flight": 0}
        assert drains.late == 0
        assert not drains.failed


async def test_drains_end_while_workers_are_killed_and_rolled(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    async with (
        two_gateways(tmp_path, registry_url, RATE_LIMIT_REQUESTS="0") as gateways,
        Drains.running(gateways, start_upstream) as drains,
    ):
        killed = gateways[0].workers[0]
        os.kill(killed, signal.SIGKILL)
        for _ in range(4):
            assert (await drains.once())["complete"]
        rolling = asyncio.create_task(gateways[1].roll())
        drained = 0
        while not rolling.done() or drained < 4:
            assert (await drains.once())["complete"]
            drained += 1
        assert (await rolling)["event"] == "roll.done"
        await gateways[0].all_ready(without=[killed])
        # A worker that closes is one that a drain waits for.
        await in_the_end(lambda: len(gateways[1].logs("worker.stopped")) == 2)
        assert (await drains.once()) == {
            "complete": True,
            "workers": 4,
            "missing": 0,
            "in_flight": 0,
        }
        assert drains.late == 0
