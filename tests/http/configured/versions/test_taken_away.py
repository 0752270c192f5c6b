"""A version, or an instance of it, is taken away while it gets requests, and none of them fails."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from textwrap import dedent
from typing import Self

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.exchange import EXCHANGE
from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.upstreams import Received
from tests.support.versions import Versioned, Versions, start_versions

FILE = """
    limits: {default: {requests: 1000000, window: 60s}}
    routes:
      - name: orders
        match: {prefix: /orders}
        service: order_service
        limits: [default]
        versions: {default: DEFAULT}
"""
CLIENTS = 16

Start = Callable[..., Awaitable[Versions]]


@pytest.fixture
def start(start_configured: StartConfigured, start_upstream: StartUpstream) -> Start:
    async def start(default: str, **versions: str) -> Versions:
        file = FILE.replace("DEFAULT", default)
        return await start_versions(start_configured, start_upstream, file, versions)

    return start


class Traffic:
    """Clients that ask again and again, and what they were answered."""

    def __init__(self, versions: Versions, *fields: str) -> None:
        self._versions = versions
        self._fields = fields
        self.answers: Counter[tuple[int, str]] = Counter()
        self._goes_on = True

    async def __aenter__(self) -> Self:
        self._clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        await self.more(100)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._goes_on = False
        await asyncio.gather(*self._clients)

    async def more(self, number: int) -> None:
        """Wait for so many more answers."""
        wanted = self.answers.total() + number
        await eventually(lambda: self.answers.total() >= wanted, within_s=30)

    async def _client(self) -> None:
        while self._goes_on:
            self.answers[await self._versions.ask("/orders", *self._fields)] += 1


def instance(name: str, call: str = "") -> str:
    return f"/services/order_service/instances/{name}{call}"


@pytest.mark.parametrize("drains", [True, False])
@pytest.mark.parametrize("fields", [(), ("Accept-Version: 1",)])
async def test_an_instance_of_the_version_goes_and_the_others_take_its_requests(
    start: Start, drains: bool, fields: tuple[str, ...]
) -> None:
    versions = await start('"1"', a="1.4.1", b="1.4.2", two="2.0.0")
    gateway = versions.configured.gateway
    async with Traffic(versions, *fields) as traffic:
        if drains:
            assert (await gateway.admin("POST", instance("a", "/drain"))).status == 204
            await traffic.more(200)
        assert (await gateway.admin("DELETE", instance("a"))).status == 204
        await traffic.more(200)
        before = len(versions.services["a"].targets)
        await traffic.more(200)
        assert len(versions.services["a"].targets) == before
    assert {*traffic.answers} == {(200, "a"), (200, "b")}
    assert versions.services["two"].targets == []


async def test_the_oldest_version_goes_and_who_names_none_goes_to_the_next(start: Start) -> None:
    versions = await start("null", one="1.4.2", two="2.0.0")
    gateway = versions.configured.gateway
    async with Traffic(versions) as traffic:
        assert {*traffic.answers} == {(200, "one")}
        assert (await gateway.admin("POST", instance("one", "/drain"))).status == 204
        await traffic.more(200)
        assert (await gateway.admin("DELETE", instance("one"))).status == 204
        await traffic.more(200)
    assert {*traffic.answers} == {(200, "one"), (200, "two")}


async def test_requests_at_an_instance_that_is_taken_away_are_answered(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    file = FILE.replace("DEFAULT", "null")
    versions = await start_versions(
        start_configured, start_upstream, file, {"one": "1.4.2", "two": "2.0.0"}
    )
    gateway, one = versions.configured.gateway, versions.services["one"]
    arrived, go = asyncio.Event(), asyncio.Event()

    async def later(_received: Received, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await go.wait()
        one.answer(writer)

    one.instead = later
    asked = asyncio.create_task(versions.ask("/orders", "Accept-Version: 1"))
    await arrived.wait()
    await gateway.admin("POST", instance("one", "/drain"))
    await gateway.admin("DELETE", instance("one"))
    assert (await versions.ask("/orders", "Accept-Version: 1"))[0] == 404
    assert await versions.ask("/orders") == (200, "two")
    go.set()
    assert await asked == (200, "one")


async def test_a_retry_stays_within_the_version(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    """An instance that closes the connection unanswered is followed by another of its version."""
    file = FILE.replace("DEFAULT", '"1"')
    versions = await start_versions(
        start_configured,
        start_upstream,
        file,
        {"a": "1.0.0", "b": "1.1.0", "two": "2.0.0", "three": "3.0.0"},
    )

    async def closes(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    versions.services["a"].instead = closes
    for _ in range(20):
        assert await versions.ask("/orders") == (200, "b")
    versions.services["b"].instead = closes
    status, _ = await versions.ask("/orders")
    assert status == 502
    assert versions.services["two"].targets == versions.services["three"].targets == []


async def test_a_request_waits_for_the_first_verdict_on_its_version(start: Start) -> None:
    versions = await start('"1"', one="1.0.0")
    gateway = versions.configured.gateway
    port = versions.upstreams["one"].port
    await gateway.register(
        "order_service", port, "new", routable=False, version="3.0.0", health_check_url="/health"
    )
    # It is registered, and perhaps not probed yet: the request waits for that.
    answer = await versions.configured.ask("/orders", "Accept-Version: 3")
    assert answer.status == 200
    assert answer.values(b"x-served-version") == [b"3.0.0"]


async def test_a_version_that_goes_while_a_request_is_on_its_way_to_it(
    registry_url: str, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    """The oldest version drains after it was chosen: nobody named it, so the next one answers."""
    arrived, go = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def waits(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request[EXCHANGE].path == "/orders":
            arrived.set()
            await go.wait()
        return await handler(request)

    def change(app: web.Application) -> None:
        app.middlewares.insert(-1, waits)  # in front of the candidates

    file = tmp_path / "lockgate.yaml"
    text = FILE.replace("DEFAULT", "null") + "        cache: {default_ttl: 60s}\n"
    file.write_text(dedent(text))
    settings = gateway_settings({"GATEWAY_CONFIG": str(file), "REDIS_URL": registry_url})
    gateway = await RunningGateway.start(settings, change)
    try:
        for name, version in (("one", "1.4.2"), ("two", "2.0.0")):
            upstream = await start_upstream(Versioned(name))
            await gateway.register(
                "order_service", upstream.port, name, version=version, health_check_url="/health"
            )
        asked = asyncio.create_task(gateway.get("/orders"))
        await arrived.wait()
        assert (await gateway.admin("POST", instance("one", "/drain"))).status == 204
        go.set()
        answer = await asked
        assert (answer.status, answer.body) == (200, b"two")
        assert answer.headers["X-Served-Version"] == "2.0.0"
        # It is not kept as what the oldest version answers.
        assert "other-version" in answer.headers["Cache-Status"]
    finally:
        await gateway.stop()
