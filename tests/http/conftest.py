"""What tests of the hop need: a gateway with an upstream behind it, and no failure that nobody sees."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.gateways import RunningGateway
from tests.support.upstreams import OK, Script, ScriptedUpstream

StartHop = Callable[..., Awaitable[tuple[RunningGateway, ScriptedUpstream]]]


@pytest.fixture
def start_hop(start_gateway: StartGateway, start_upstream: StartUpstream) -> StartHop:
    """`await start_hop(answer)`: a gateway, and an upstream that is routed to as `orders_service`."""

    async def start(
        answer: bytes | Script = OK, *, read_body: bool = True, **environment: str
    ) -> tuple[RunningGateway, ScriptedUpstream]:
        gateway = await start_gateway(**environment)
        upstream = await start_upstream(answer, read_body=read_body)
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        return gateway, upstream

    return start


@pytest.fixture
def nothing_fails_behind_the_scenes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What asyncio can only log, an exception in a callback say, is a failure of the test too."""
    yield
    failed = [r.getMessage() for r in caplog.get_records("call") if r.name == "asyncio"]
    assert failed == []
