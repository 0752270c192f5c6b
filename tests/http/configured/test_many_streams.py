"""A thousand streams side by side, through four gateways that share a budget."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from middlewares.limits import limiter
from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.test_budgets import EVENTS, USAGE, budget
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received

STREAMS = 1000
GATEWAYS = 4
UNITS = 6000
RESERVED = 30


class Streams:
    """A service whose streams begin, and go on when all may; it cuts every third one off."""

    def __init__(self, cost_of: Callable[[int], int]) -> None:
        self.spent = 0
        self._cost_of = cost_of
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        number = int(received.target.rpartition(b"/")[2])
        units = self._cost_of(number)
        self.spent += units
        self.begun += 1
        writer.write(EVENTS + b"data: begins\n\n")
        await self.go_on.wait()
        if number % 3:
            writer.write(USAGE % units)
        else:
            writer.transport.abort()


async def ask(gateway: RunningGateway, number: int, connecting: asyncio.Semaphore) -> int:
    """The status; every third client leaves in the middle of its stream."""
    async with connecting:
        connected = await RawClient.connect(gateway.port)
    async with connected as client:
        await client.send(b"GET /a/%d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % number)
        status = int((await client.reader.readuntil(b"\r\n")).split()[1])
        if status == 200 and number % 3 != 1:
            await client.closed(within_s=40.0)
        return status


def refused(asked: list[asyncio.Task[int]]) -> int:
    """How many of them were refused until now."""
    return sum(one.done() and one.result() == 429 for one in asked)


@pytest.mark.parametrize(
    "cost_of",
    [
        pytest.param(lambda _number: RESERVED, id="all cost what is reserved"),
        pytest.param(lambda number: number % RESERVED + 1, id="most cost less"),
    ],
)
@pytest.mark.parametrize(
    "registry",
    ["there", pytest.param("hangs", marks=pytest.mark.registry_hangs), "loses everything"],
)
async def test_no_budget_is_exceeded_and_nothing_reserved_is_left_behind(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    own_registry: RegistryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registry: str,
    cost_of: Callable[[int], int],
) -> None:
    streams, connecting = Streams(cost_of), asyncio.Semaphore(50)
    upstream = await start_upstream(streams)
    file = tmp_path / "lockgate.yaml"
    urls = f'services: {{order_service: {{urls: ["http://127.0.0.1:{upstream.port}"]}}}}'
    text = budget("{event_stream: /usage/total_tokens}", units=UNITS, reserve=RESERVED, window="1h")
    # On a busy machine some connections wait for a second try of the kernel's.
    text = text.replace("limits: [tokens]", "limits: [tokens], timeouts: {connect: 30s}")
    file.write_text(text.replace("    limits:", f"    {urls}\n    limits:", 1))
    gateways = [
        await start_gateway(GATEWAY_CONFIG=str(file), REDIS_URL=own_registry.url)
        for _ in range(GATEWAYS)
    ]
    for gateway in gateways:
        (key,) = gateway.member.overlay.view.services["order_service"]
        await eventually(lambda key=key, one=gateway: one.member.health.status(key) == "healthy")
    asked = [
        asyncio.create_task(ask(gateways[number % GATEWAYS], number, connecting))
        for number in range(STREAMS // 2)
    ]
    await eventually(lambda: streams.begun >= UNITS // RESERVED // 3, within_s=40.0)
    if registry == "hangs":
        monkeypatch.setattr(limiter, "ANSWER_WITHIN_S", 0.1)
        own_registry.pause()
    elif registry == "loses everything":
        own_registry.kill()
    asked += [
        asyncio.create_task(ask(gateways[number % GATEWAYS], number, connecting))
        for number in range(STREAMS // 2, STREAMS)
    ]
    await eventually(lambda: streams.begun + refused(asked) == STREAMS, within_s=40.0)
    streams.go_on.set()
    if registry == "hangs":
        own_registry.resume()
    elif registry == "loses everything":
        own_registry.start()
    statuses = await asyncio.gather(*asked)
    assert set(statuses) == {200, 429}
    assert streams.spent <= UNITS
    for gateway in gateways:
        await eventually(lambda one=gateway: not any(one.gateway.limiter.reserved().values()))
    more = [await ask(gateways[n % GATEWAYS], n * 3 + 1, connecting) for n in range(40)]
    if registry == "there":
        assert (200 in more) == (streams.spent < UNITS)
    assert streams.spent <= UNITS
