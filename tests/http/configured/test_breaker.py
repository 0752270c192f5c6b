"""A service that fails as a whole gets a pause, and its requests return."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.upstreams import OK, Received

FAILS = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
FILE = """
    services:
      some:
        urls: ["http://127.0.0.1:PORT"]
        health: {path: /health}
        breaker: {open_for: 300ms}
    routes: [{name: a, match: {prefix: /a}, service: some}]
"""


class Answers:
    """What an upstream answers, which can be changed."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    async def __call__(self, _received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answer)


async def state(gateway: RunningGateway) -> str:
    return str((await gateway.get("/status")).json()["watched"]["some"]["breaker"])


async def fail(gateway: RunningGateway) -> None:
    """Ask until it is open."""

    async def is_open() -> bool:
        await gateway.get("/a")
        return await state(gateway) == "open"

    await eventually(is_open)


async def test_a_service_that_fails_gets_no_requests_for_a_while(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        FILE.replace("300ms", "20s"), FAILS, registers=False, RATE_LIMIT_REQUESTS="0"
    )
    gateway = configured.gateway

    await fail(gateway)
    asked = len(configured.upstream.requests)
    refused = await gateway.get("/a")

    assert (refused.status, refused.reason) == (503, "circuit_open")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    # The requests of the last 2 s, or of the last 10 s where those are too few.
    evidence = r"requests failed within (2|10) s, at the one that was asked, the last: answered 503"
    assert re.search(evidence, refused.json()["detail"])
    assert len(configured.upstream.requests) == asked


async def test_its_requests_return_once_trials_are_answered_well(
    start_configured: StartConfigured, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = Answers(FAILS)
    configured = await start_configured(FILE, answers, registers=False, RATE_LIMIT_REQUESTS="0")
    gateway = configured.gateway
    await fail(gateway)
    answers.answer = OK

    async def closed() -> bool:
        await gateway.get("/a")
        return await state(gateway) == "closed"

    await eventually(closed)
    assert (await gateway.get("/a")).status == 200
    logged = capsys.readouterr().out
    assert [
        said
        for said in ("opened", "half_opened", "returning", "closed")
        if f"circuit.{said} " in logged
    ] == [
        "opened",
        "half_opened",
        "returning",
        "closed",
    ]


async def test_a_reload_does_not_close_it(start_configured: StartConfigured) -> None:
    text = FILE.replace("300ms", "20s")
    configured = await start_configured(text, FAILS, registers=False, RATE_LIMIT_REQUESTS="0")
    await fail(configured.gateway)

    configured.write(text.replace("PORT", str(configured.upstream.port)).replace("20s", "30s"))
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200

    assert await state(configured.gateway) == "open"


async def test_its_state_is_told(start_configured: StartConfigured) -> None:
    text = FILE.replace("300ms", "20s")
    configured = await start_configured(text, FAILS, registers=False, RATE_LIMIT_REQUESTS="0")
    gateway = configured.gateway
    metrics = (await gateway.get("/metrics")).body.decode()
    assert 'gateway_breaker_state{service="some"} 0.0' in metrics
    await fail(gateway)

    metrics = (await gateway.get("/metrics")).body.decode()
    assert 'gateway_breaker_state{service="some"} 3.0' in metrics
    breaker = (await gateway.admin("GET", "/services/some")).json()["breaker"]
    assert breaker["state"] == "open"
    assert breaker["n"] == 1
    assert "answered 503" in breaker["evidence"]


async def test_one_instance_that_fails_does_not_open_it(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    bad, good = await start_upstream(FAILS), await start_upstream(OK)
    urls = f'"http://127.0.0.1:{bad.port}", "http://127.0.0.1:{good.port}"'
    file = tmp_path / "lockgate.yaml"
    file.write_text(FILE.replace('"http://127.0.0.1:PORT"', urls))
    gateway = await start_gateway(GATEWAY_CONFIG=str(file), RATE_LIMIT_REQUESTS="0")

    for _ in range(60):
        await gateway.get("/a")

    assert bad.requests

    assert await state(gateway) == "closed"
