"""The gateway's own bugs: the client learns that there was one, and the log says which."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.telemetry.logs import configure_logging
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import ScriptedUpstream

pytestmark = pytest.mark.both_loops

#: What an exception may contain but no client may learn: addresses, libraries, places in the code.
SECRET = "redis-py: 10.1.2.3:6379 refused"
INSIDE = [b"Traceback", b".py", b"redis", b"aiohttp", b"10.1.2.3", b"File", b"Mistake"]

Change = Callable[[web.Application], None]


class Mistake(Exception):
    """An exception that no table knows."""


@web.middleware
async def mistaken(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "GET":
        raise Mistake(SECRET)
    return await handler(request)


async def mistaken_endpoint(_request: web.Request) -> web.Response:
    raise Mistake(SECRET)


def in_the_hop(app: web.Application) -> None:
    app.middlewares.append(mistaken)


def in_an_endpoint(app: web.Application) -> None:
    app.router.add_get("/mistake", mistaken_endpoint)


def outside_of_all_layers(app: web.Application) -> None:
    app.middlewares.insert(0, mistaken)


class Mistaken:
    """A gateway with a bug, and its log."""

    def __init__(self, gateway: RunningGateway, lines: Callable[[], list[dict[str, Any]]]) -> None:
        self.port = gateway.port
        self.lines = lines


@pytest.fixture
async def mistaken_gateway(
    request: pytest.FixtureRequest, registry_url: str, tmp_path: Path
) -> AsyncIterator[Mistaken]:
    """Start a gateway with a bug at the place `request.param`."""
    change: Change = request.param
    upstream = await ScriptedUpstream.start()
    with (tmp_path / "log").open("wb") as log:
        writer = configure_logging(service="api_gateway", file_descriptor=log.fileno())
        settings = gateway_settings({"REDIS_URL": registry_url})
        gateway = await RunningGateway.start(settings, change)
        await gateway.register("orders", upstream.port)

        def lines() -> list[dict[str, Any]]:
            writer.close()
            return [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]

        yield Mistaken(gateway, lines)
        await gateway.stop()
    await upstream.stop()


def check_answer(answer: RawAnswer) -> str:
    """Check for the contract's problem document without internals; return its correlation ID."""
    assert answer.status == 500
    assert answer.values(b"content-type") == [b"application/problem+json"]
    document = json.loads(answer.body)
    assert document.keys() == {"type", "title", "status", "detail", "reason", "correlation_id"}
    assert (document["status"], document["reason"]) == (500, "internal_error")
    assert document["detail"] == "an unexpected error occurred"
    assert answer.values(b"x-correlation-id") == [document["correlation_id"].encode()]
    assert [word for word in INSIDE if word in answer.head + answer.body] == []
    return str(document["correlation_id"])


def check_log(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Check that the bug is logged once with its place; return the access event."""
    (failed,) = [line for line in lines if line["event"] == "request.failed"]
    assert failed["level"] == "error"
    assert "Traceback" in failed["exception"]
    assert f"Mistake: {SECRET}" in failed["exception"]
    (reason,) = [line["reason"] for line in lines if line.get("status") == 500]
    assert reason == "internal_error"
    return failed


async def ask(port: int, path: str) -> RawAnswer:
    async with await RawClient.connect(port) as client:
        await client.send(
            b"GET %b HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: the-id\r\n\r\n" % path.encode()
        )
        return await client.answer()


@pytest.mark.parametrize(
    ("mistaken_gateway", "path"),
    [(in_the_hop, "/api/orders"), (in_an_endpoint, "/mistake"), (in_the_hop, "/health")],
    indirect=["mistaken_gateway"],
    ids=["the hop", "an endpoint", "a layer"],
)
async def test_a_mistake_is_a_500_that_says_nothing_and_a_log_line_that_says_all(
    mistaken_gateway: Mistaken, path: str
) -> None:
    answer = await ask(mistaken_gateway.port, path)

    assert check_answer(answer) == "the-id"
    failed = check_log(mistaken_gateway.lines())
    assert (failed["correlation_id"], failed["path"]) == ("the-id", path)


@pytest.mark.parametrize("mistaken_gateway", [outside_of_all_layers], indirect=True)
async def test_a_mistake_that_no_layer_meets_looks_no_different(mistaken_gateway: Mistaken) -> None:
    answer = await ask(mistaken_gateway.port, "/health")

    check_answer(answer)
    check_log(mistaken_gateway.lines())
