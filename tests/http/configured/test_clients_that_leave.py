"""A client that leaves ends all work for its request, wherever the request is."""

import asyncio
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

#: The contract's 50 ms, and room for a busy machine: what this replaced took 800 ms.
SOON_S = 0.4
LOOKS_EVERY_S = 0.01  # as `eventually` does
GET = b"GET /api/order/x HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /api/order/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"


class Hanging:
    """An instance that never answers, and notes when a connection to it was closed."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed_s: list[float] = []

    async def __call__(self, received: Received, _writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        await received.reader.read()
        self.closed_s.append(time.monotonic())


async def asks_and_leaves(
    configured: Configured, request: bytes, is_there: Callable[[], bool]
) -> tuple[MutableMapping[str, Any], float]:
    """Ask, leave once the request is there, and return its line in the log, and the time that took.

    Looks are counted: there are none in the time that this process does not get.
    """
    looks = 0

    def lines() -> list[MutableMapping[str, Any]]:
        nonlocal looks
        looks += 1
        return [one for one in logs if one["event"] == "request"]

    with capture_logs() as logs:
        client = await RawClient.connect(configured.gateway.port)
        await client.send(request)
        await eventually(is_there)
        client.writer.close()
        (line,) = await eventually(lines)
    return line, looks * LOOKS_EVERY_S


async def condition(configured: Configured) -> str:
    service = (await configured.gateway.admin("GET", "/services/order_service")).json()
    (one,) = service["instances"]
    return str(one["health"]["condition"])


@pytest.mark.parametrize("request_bytes", [GET, POST], ids=["GET", "POST"])
@pytest.mark.parametrize("retries", ["{attempts: 3, on: [connect, reset, timeout, 503]}", "null"])
async def test_a_client_that_waits_for_an_instance(
    start_configured: StartConfigured, request_bytes: bytes, retries: str
) -> None:
    hanging = Hanging()
    text = f"services: {{order_service: {{retries: {retries}}}}}"
    configured = await start_configured(text, hanging)

    line, took_s = await asks_and_leaves(configured, request_bytes, lambda: hanging.asked == 1)

    assert (line["status"], line["attempts"]) == (499, 1)
    assert took_s < SOON_S
    await eventually(lambda: hanging.closed_s)
    assert hanging.asked == 1
    assert await condition(configured) == "healthy"


async def test_a_client_that_waits_in_a_pause(start_configured: StartConfigured) -> None:
    async def busy(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 8\r\nContent-Length: 0\r\n\r\n")

    configured = await start_configured("services: {order_service: {retries: {}}}", busy)

    line, took_s = await asks_and_leaves(
        configured, GET, lambda: bool(configured.upstream.requests)
    )

    assert (line["status"], line["attempts"]) == (499, 1)
    assert took_s < SOON_S
    assert len(configured.upstream.requests) == 1


async def test_a_client_that_waits_for_a_connection(start_configured: StartConfigured) -> None:
    hanging = Hanging()
    configured = await start_configured(
        "services: {order_service: {retries: {per_try: 0}}}",
        hanging,
        UPSTREAM_CONNECTIONS="1",
        UPSTREAM_CONNECTION_WAIT="30",
    )
    patient = await RawClient.connect(configured.gateway.port)
    await patient.send(GET)
    await eventually(lambda: hanging.asked)
    in_flight = configured.gateway.gateway.metrics.in_flight

    line, took_s = await asks_and_leaves(configured, GET, lambda: in_flight["order_service"] == 2)

    assert line["status"] == 499
    assert took_s < SOON_S
    assert (hanging.asked, hanging.closed_s) == (1, [])
    await patient.close()
