"""Instances that are put out for what they answer: who, for how long, how they come back, and where that is told."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.raw_clients import RawClient
from tests.support.upstreams import OK, Received, ScriptedUpstream

FAILS = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
FILE = """
    services:
      SERVICE:
        urls: [URLS]
        health: {path: /health, interval: 50ms}
        outliers: OUTLIERS
        retries: RETRIES
    routes: [{name: a, match: {prefix: /a}, service: SERVICE}]
"""
BY_RUN = "{failures: 3, rate: 0, latency: 0, eject: 200ms}"
FOR_LONG = "{failures: 3, rate: 0, latency: 0, eject: 1m}"


@dataclass
class Instances:
    """A service with fixed addresses; the answers of the first instance can be changed."""

    gateway: RunningGateway
    upstreams: list[ScriptedUpstream]
    file: Path
    answers: list[bytes] = field(default_factory=list)

    async def ask(self, number: int = 1, method: str = "GET") -> list[int]:
        return [(await self.gateway.request(method, "/a")).status for _ in range(number)]

    async def instances(self, service: str = "some") -> list[dict[str, object]]:
        """As `/services/{name}` shows them, in the order of the upstreams."""
        there = (await self.gateway.admin("GET", f"/services/{service}")).json()["instances"]
        by_port = {one["port"]: one for one in there}
        return [by_port[one.port] for one in self.upstreams]

    async def is_out(self, service: str = "some") -> bool:
        return "ejected" in (await self.instances(service))[0]

    async def until_out(self) -> None:
        async def out() -> bool:
            await self.ask(3)
            return await self.is_out()

        await eventually(out)

    def write(self, outliers: str, service: str = "some") -> None:
        self.file.write_text(text_of(self.upstreams, outliers, service))

    async def reload(self, outliers: str, service: str = "some") -> None:
        self.write(outliers, service)
        assert (await self.gateway.admin("POST", "/config/reload")).status == 200


def text_of(
    upstreams: list[ScriptedUpstream],
    outliers: str,
    service: str = "some",
    retries: str = "null",
) -> str:
    urls = ", ".join(f'"http://127.0.0.1:{one.port}"' for one in upstreams)
    text = FILE.replace("URLS", urls).replace("OUTLIERS", outliers).replace("RETRIES", retries)
    return dedent(text.replace("SERVICE", service))


StartInstances = Callable[..., Awaitable[Instances]]


@pytest.fixture
def start_instances(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> StartInstances:
    async def start(
        number: int = 2, outliers: str = BY_RUN, answer: bytes = FAILS, retries: str = "null"
    ) -> Instances:
        answers = [answer]

        async def say(_received: Received, writer: asyncio.StreamWriter) -> None:
            writer.write(answers[0])

        upstreams = [await start_upstream(say if one == 0 else OK) for one in range(number)]
        file = tmp_path / "lockgate.yaml"
        file.write_text(text_of(upstreams, outliers, retries=retries))
        gateway = await start_gateway(GATEWAY_CONFIG=str(file), RATE_LIMIT_REQUESTS="0")

        async def all_healthy() -> bool:
            counts = (await gateway.get("/status")).json()["services"]
            return bool(counts["some"]["healthy"] == number)

        await eventually(all_healthy)
        return Instances(gateway, upstreams, file, answers)

    return start


async def test_an_instance_that_fails_is_out_though_its_probes_pass(
    start_instances: StartInstances,
) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()
    bad = service.upstreams[0]
    asked, probes = len(bad.requests), bad.probes

    await eventually(lambda: bad.probes > probes + 3)
    assert await service.ask(20) == [200] * 20
    assert len(bad.requests) == asked


async def test_why_it_is_out_is_told(
    start_instances: StartInstances, capsys: pytest.CaptureFixture[str]
) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()
    evidence = "3 requests in a row failed, the last: answered 500"

    bad, good = await service.instances()
    assert bad["status"] == "healthy"
    assert bad["ejected"]["evidence"] == evidence
    assert bad["ejected"]["n"] == 1
    assert 0 < bad["ejected"]["left_s"] <= 60
    assert "ejected" not in good
    last = bad["health"]["history"][-1]
    assert (last["from"], last["to"], last["evidence"]) == ("healthy", "ejected", evidence)
    status = (await service.gateway.get("/status")).json()
    assert status["watched"] == {"some": {"ejected": 1}}
    metrics = (await service.gateway.get("/metrics")).body.decode()
    assert 'gateway_ejected_instances{service="some"} 1.0' in metrics
    assert 'gateway_ejections_total{service="some"} 1.0' in metrics
    logged = [line for line in capsys.readouterr().out.splitlines() if "instance.ejected" in line]
    assert len(logged) == 1
    assert evidence in logged[0]


async def test_the_command_line_says_why_too(
    start_instances: StartInstances, tmp_path: Path
) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()
    here = ["--url", service.gateway.url, "--token", ADMIN_TOKEN]

    status, table, _ = await lockgate(tmp_path, "services", *here)

    assert status == 0
    assert "ejected: 3 requests in a row failed, the last: answered 500" in table


async def test_without_the_token_it_is_not_told_who_is_out(start_instances: StartInstances) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()

    document = (await service.gateway.get("/services/some")).json()

    assert all("ejected" not in one for one in document["instances"])


async def test_it_comes_back_by_trials_once_it_answers_well(
    start_instances: StartInstances,
) -> None:
    service = await start_instances()
    await service.until_out()
    bad = service.upstreams[0]

    async def tried_twice_more() -> bool:
        await service.ask()
        ejected: Any = (await service.instances())[0]["ejected"]
        return bool(ejected["n"] >= 3)

    await eventually(tried_twice_more)
    service.answers[0] = OK

    async def back() -> bool:
        assert set(await service.ask()) == {200}
        return not await service.is_out()

    await eventually(back)
    asked = len(bad.requests)

    async def asked_again() -> bool:
        await service.ask()
        return len(bad.requests) > asked

    await eventually(asked_again)
    last = (await service.instances())[0]["health"]["history"][-1]
    assert (last["from"], last["to"]) == ("ejected", "healthy")


async def test_a_trial_that_fails_costs_no_client_anything(
    start_instances: StartInstances,
) -> None:
    """With one good instance there is no attempt left by itself: the trial must not take it."""
    service = await start_instances(outliers=BY_RUN, retries="{attempts: 2, on: [500], budget: 1}")
    statuses: list[int] = []

    async def tried_again_and_again() -> bool:
        statuses.extend(await service.ask())
        ejected: Any = (await service.instances())[0].get("ejected", {"n": 0})
        return bool(ejected["n"] >= 3)

    await eventually(tried_again_and_again)

    assert set(statuses) == {200}


@pytest.mark.parametrize("size", [2, 200_000])
async def test_no_body_is_risked_in_a_trial(start_instances: StartInstances, size: int) -> None:
    """A long one can't be sent again, and none goes on to another instance if this one hangs."""
    service = await start_instances(outliers=BY_RUN, retries="{attempts: 2, on: [500], budget: 1}")
    await service.until_out()
    asked = len(service.upstreams[0].requests)

    async def on_trial() -> bool:
        ejected: Any = (await service.instances())[0]["ejected"]
        return bool(ejected["on_trial"])

    await eventually(on_trial)
    put = await service.gateway.request("PUT", "/a", data=b"x" * size)

    assert put.status == 200
    assert len(service.upstreams[0].requests) == asked
    assert await service.ask() == [200]
    assert len(service.upstreams[0].requests) == asked + 1


async def test_one_failure_keeps_requests_away_that_cannot_be_repeated(
    start_instances: StartInstances,
) -> None:
    service = await start_instances(3, "{failures: 0, rate: 0, latency: 0}")

    statuses = await service.ask(40, "POST")

    assert statuses.count(500) == 1


async def test_the_last_instance_is_never_put_out(start_instances: StartInstances) -> None:
    service = await start_instances(1)

    assert set(await service.ask(10)) == {500}
    assert not await service.is_out()


async def test_an_instance_that_is_out_is_better_than_none(start_instances: StartInstances) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()
    service.upstreams[1].healthy = False

    async def asked() -> bool:
        return await service.ask() == [500]

    await eventually(asked)


async def test_an_instance_whose_answers_break_off_is_put_out(
    start_instances: StartInstances,
) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"
    service = await start_instances(outliers="{failures: 0, latency: 0, eject: 1m}", answer=cut)

    async def out() -> bool:
        with suppress(aiohttp.ClientError):
            await service.ask()
        return await service.is_out()

    await eventually(out)

    ejected: Any = (await service.instances())[0]["ejected"]
    assert ejected["evidence"].endswith("the last: the body broke off (upstream_reset)")


async def test_a_reload_forgets_nobody(start_instances: StartInstances) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()

    await service.reload(FOR_LONG.replace("1m", "2m"))
    assert await service.is_out()
    await service.reload(FOR_LONG, "other")
    assert await service.is_out("other")


@pytest.mark.parametrize("after", ["null", "{failures: 3} # and more"])
async def test_who_is_out_is_in_again_if_the_file_asks_for_it_no_longer(
    start_instances: StartInstances, after: str
) -> None:
    service = await start_instances(outliers=FOR_LONG)
    await service.until_out()

    await service.reload(after)

    assert await service.is_out() is (after != "null")


async def test_a_client_that_leaves_says_nothing_of_the_instance(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    waiting = asyncio.Event()

    async def never(received: Received, _writer: asyncio.StreamWriter) -> None:
        waiting.set()
        await received.reader.read()

    upstreams = [await start_upstream(never), await start_upstream(never)]
    file = tmp_path / "lockgate.yaml"
    file.write_text(text_of(upstreams, "{failures: 1}"))
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    for _ in range(5):
        waiting.clear()
        async with await RawClient.connect(gateway.port) as client:
            await client.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.wait_for(waiting.wait(), 5)

    def all_left() -> bool:
        return all(one.open_connections == 0 for one in upstreams)

    await eventually(all_left)
    assert (await gateway.get("/status")).json()["watched"] == {"some": {"ejected": 0}}


async def test_a_service_without_outliers_is_not_watched(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    upstreams = [await start_upstream(FAILS), await start_upstream(FAILS)]
    file = tmp_path / "lockgate.yaml"
    file.write_text(text_of(upstreams, "null"))
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    assert (await gateway.get("/status")).json()["watched"] == {}
