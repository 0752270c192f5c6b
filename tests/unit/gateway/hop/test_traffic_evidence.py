"""When silence becomes a doubt, and when a request moves away from a doubted instance."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from discovery.health.machine import Health
from discovery.model.instance import Instance
from gateway.hop.deciding.suspecting import SILENT_FOR_S
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.upstream.client import UpstreamClient
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import RequestHead
from middlewares.failures import UpstreamSilent
from tests.support.byte_connections import ANY
from tests.unit.gateway.upstream.test_pool import SlowDialer

SILENT, ANSWERING = (Instance(name="price", id=one, host="10.0.0.9", port=80) for one in "ab")
#: A sum of floating-point times may be a little too small.
JUST_ENOUGH_S = 0.001
GET = RequestHead("GET", b"GET / HTTP/1.1\r\n\r\n")


class Scene:
    """Two instances; one has not answered a request that may move."""

    def __init__(self, dialer: SlowDialer) -> None:
        self.upstreams = UpstreamClient(dialer, UpstreamLimits())
        self.doubted: list[str] = []
        self.evidence = TrafficEvidence(self.upstreams, self._health_of, self._doubt)

    async def ask(self) -> None:
        self.connection = await self.upstreams.pool(SILENT).open(deadlines=ANY)
        self.connection.request(GET, deadlines=ANY, movable=True)
        self.asked_s = self.connection.began_s
        self.upstreams.pool(ANSWERING).answered_s = self.asked_s

    def _health_of(self, key: str) -> Health:
        return Health(status="healthy", suspected=key in self.doubted)

    def _doubt(self, instance: Instance, _evidence: str) -> None:
        self.doubted.append(instance.key)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    dialer = SlowDialer()
    scene = Scene(dialer)
    await scene.ask()
    yield scene
    for sock in dialer.sockets:
        sock.close()


async def test_silence_is_doubted_once_it_has_lasted(scene: Scene) -> None:
    scene.evidence.sweep(scene.asked_s + SILENT_FOR_S - 0.01)
    assert scene.doubted == []

    scene.evidence.sweep(scene.asked_s + SILENT_FOR_S + JUST_ENOUGH_S)
    assert scene.doubted == [SILENT.key]


async def test_a_waiting_request_moves_half_a_second_after_the_doubt(scene: Scene) -> None:
    """That is how long the doubted instance has to answer its probe."""
    doubted_s = scene.asked_s + SILENT_FOR_S + JUST_ENOUGH_S
    scene.evidence.sweep(doubted_s)

    scene.evidence.sweep(doubted_s + 0.49)
    assert scene.connection.is_waiting

    scene.evidence.sweep(doubted_s + 0.5 + JUST_ENOUGH_S)
    with pytest.raises(UpstreamSilent):
        await asyncio.wait_for(scene.connection.head(), 1)


async def test_a_request_stays_where_a_probe_has_answered_in_time(scene: Scene) -> None:
    doubted_s = scene.asked_s + SILENT_FOR_S + JUST_ENOUGH_S
    scene.evidence.sweep(doubted_s)
    scene.doubted.clear()

    scene.evidence.sweep(doubted_s + 0.4)
    scene.evidence.sweep(doubted_s + 1.0)

    assert scene.connection.is_waiting
    assert scene.doubted == []
