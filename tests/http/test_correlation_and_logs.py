"""The correlation ID on every answer, and what the gateway writes to standard output."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayProcess, gateway_process
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received

MADE = re.compile(rb"[A-Za-z0-9._-]{16,128}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

ALWAYS = ["timestamp", "level", "event", "service"]
ACCESS = [
    *("method", "path", "protocol", "status", "duration_ms", "client_ip", "user_agent"),
    *("route", "upstream_service", "upstream_instance", "upstream_ms", "attempts"),
    *("bytes_in", "bytes_out"),
]


def get(path: str, *fields: bytes) -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"GET %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (path.encode(), lines)


# The correlation ID


@pytest.mark.parametrize("claimed", [b"a", b"A-b_c.9", b"x" * 128])
async def test_a_well_formed_id_is_kept(
    start_gateway: StartGateway, start_upstream: StartUpstream, claimed: bytes
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port)

    request = get("/api/orders", b"x-correlation-id: " + claimed)
    answer = await exchange(gateway.port, request)

    assert answer.values(b"x-correlation-id") == [claimed]
    assert upstream.requests[0].values(b"x-correlation-id") == [claimed]


@pytest.mark.parametrize(
    "claimed", [b"", b"a b", b"x" * 129, b"caf\xc3\xa9", b"a;b", b'"a"', b"a,b", b"../a", b"<b>"]
)
async def test_any_other_id_is_replaced(
    start_gateway: StartGateway, start_upstream: StartUpstream, claimed: bytes
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port)

    request = get("/api/orders", b"X-Correlation-ID: " + claimed)
    answer = await exchange(gateway.port, request)

    (made,) = answer.values(b"x-correlation-id")
    assert MADE.fullmatch(made)
    assert made != claimed
    assert upstream.requests[0].values(b"x-correlation-id") == [made]


async def test_every_request_has_an_id_of_its_own(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    client = await RawClient.connect(gateway.port)

    seen = set()
    for _ in range(10):
        await client.send(get("/health"))
        seen.update((await client.answer()).values(b"x-correlation-id"))

    assert len(seen) == 10
    await client.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health", 200),
        ("/ready", 200),
        ("/status", 200),
        ("/metrics", 200),
        ("/services", 200),
        ("/nothing", 404),
        ("/services/nothing", 404),
        ("/services/a/instances/b", 405),
        ("/api/nothing", 404),
        ("/api/idle", 503),
        ("/api/broken", 502),
    ],
)
async def test_every_answer_carries_the_id(
    start_gateway: StartGateway, start_upstream: StartUpstream, path: str, status: int
) -> None:
    gateway, broken = await start_gateway(), await start_upstream(b"")
    await gateway.register("idle", broken.port, weight=0)
    await gateway.register("broken", broken.port, health_check_url="/health")

    answer = await exchange(gateway.port, get(path, b"X-Correlation-ID: mine"))

    assert answer.status == status
    assert answer.values(b"x-correlation-id") == [b"mine"]
    if status >= 400:
        assert b'"correlation_id":"mine"' in answer.body


async def test_an_upstreams_own_id_gives_way(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    upstream = await start_upstream(
        b"HTTP/1.1 200 OK\r\nx-correlation-id: theirs\r\nContent-Length: 0\r\n\r\n"
    )
    await gateway.register("orders_service", upstream.port, health_check_url="/health")

    answer = await exchange(gateway.port, get("/api/orders", b"X-Correlation-ID: mine"))

    assert answer.values(b"x-correlation-id") == [b"mine"]


async def test_a_stream_carries_the_id_with_its_first_byte(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    async def stream(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await asyncio.Event().wait()

    gateway, upstream = await start_gateway(), await start_upstream(stream)
    await gateway.register("orders_service", upstream.port, health_check_url="/health")
    client = await RawClient.connect(gateway.port)

    await client.send(get("/api/orders", b"X-Correlation-ID: mine"))
    async with asyncio.timeout(5):
        head = await client.reader.readuntil(b"\r\n\r\n")
        await client.reader.readuntil(b"data: 1\n\n")

    assert b"X-Correlation-ID: mine\r\n" in head
    await client.close()


# The log


async def access_lines(gateway: GatewayProcess, path: str) -> list[dict[str, Any]]:
    return await eventually(
        lambda: [line for line in gateway.logs("request") if line["path"] == path]
    )


async def test_each_request_is_one_line_with_the_documented_members(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    async with gateway_process(tmp_path, registry_url) as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        await exchange(
            gateway.port,
            b"POST /api/orders/a%2Fb?token=s3cret HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
            b'X-Correlation-ID: mine\r\nUser-Agent: "quoted"\\\r\nAuthorization: Bearer s3cret\r\n'
            b"\r\nb0dy!",
        )

        (line,) = await access_lines(gateway, "/api/orders/a%2Fb")

        assert list(line) == [*ALWAYS, "correlation_id", *ACCESS] or set(line) == {
            *(*ALWAYS, "correlation_id", *ACCESS)
        }
        assert TIME.fullmatch(line["timestamp"])
        assert 0 < line["upstream_ms"] <= line["duration_ms"] < 10_000
        for member in ("timestamp", "duration_ms", "upstream_ms"):
            del line[member]
        assert line == {
            "level": "info",
            "event": "request",
            "service": "api_gateway",
            "correlation_id": "mine",
            "method": "POST",
            "path": "/api/orders/a%2Fb",
            "protocol": "HTTP/1.1",
            "status": 200,
            "client_ip": "127.0.0.1",
            "user_agent": '"quoted"\\',
            "route": "/api/orders",
            "upstream_service": "orders_service",
            "upstream_instance": "i1",
            "attempts": 1,
            "bytes_in": 5,
            "bytes_out": 2,
        }
        assert "s3cret" not in gateway.stdout + gateway.stderr
        assert "b0dy!" not in gateway.stdout


async def test_the_trace_of_a_request_is_in_its_line(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with gateway_process(tmp_path, registry_url) as gateway:
        await gateway.register("orders_service", upstream.port)
        parent = f"traceparent: 00-{trace}-00f067aa0ba902b7-01".encode()
        await exchange(gateway.port, get("/api/orders/traced", parent))
        await exchange(gateway.port, get("/api/orders/not", b"traceparent: nonsense"))

        (traced,) = await access_lines(gateway, "/api/orders/traced")
        (not_traced,) = await access_lines(gateway, "/api/orders/not")

        assert traced["trace_id"] == trace
        assert "trace_id" not in not_traced


async def test_of_long_values_a_line_has_the_beginning(tmp_path: Path, registry_url: str) -> None:
    path, agent = "/" + "p" * 5000, b"a" * 5000
    async with gateway_process(tmp_path, registry_url) as gateway:
        await exchange(gateway.port, get(path, b"User-Agent: " + agent))

        (line,) = await access_lines(gateway, path[:1024])

        assert line["user_agent"] == "a" * 1024


async def test_of_a_refused_path_a_line_has_no_more_bytes_than_of_others(
    tmp_path: Path, registry_url: str
) -> None:
    """Only a refused path can have characters of several bytes; its line was three times as long."""
    async with gateway_process(tmp_path, registry_url) as gateway:
        await exchange(gateway.port, get("/api/" + "€" * 5000))

        (line,) = await access_lines(gateway, "/api/" + "€" * 339)

        assert line["status"] == 400


async def test_refusals_and_failures_are_logged_with_their_reason(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream(b"nonsense\r\n\r\n")
    async with gateway_process(tmp_path, registry_url) as gateway:
        await gateway.register("broken_service", upstream.port, health_check_url="/health")
        await exchange(gateway.port, get("/api/nothing?q=s3cret"))
        await exchange(gateway.port, get("/api/broken?q=s3cret"))
        await exchange(gateway.port, get("/elsewhere?q=s3cret"))
        refused = await exchange(gateway.port, b"NOT HTTP AT ALL s3cret\r\n\r\n")

        (missing,) = await access_lines(gateway, "/api/nothing")
        (broken,) = await access_lines(gateway, "/api/broken")
        (elsewhere,) = await access_lines(gateway, "/elsewhere")
        (bad,) = [line for line in gateway.logs("request") if line["status"] == 400]

        assert (missing["status"], missing["reason"]) == (404, "route_not_found")
        assert "upstream_instance" not in missing
        assert (broken["status"], broken["reason"]) == (502, "upstream_invalid")
        assert broken["upstream_instance"] == "i1"
        assert (elsewhere["status"], elsewhere["reason"]) == (404, "route_not_found")
        assert bad["reason"] == "bad_request"
        assert bad["correlation_id"].encode() == refused.values(b"x-correlation-id")[0]
        assert "s3cret" not in gateway.stdout + gateway.stderr


async def test_every_line_is_an_object_with_the_members_that_all_lines_have(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    async with gateway_process(tmp_path, registry_url, LOG_LEVEL="debug") as gateway:
        await gateway.register("orders_service", upstream.port)
        for path in ("/api/orders/%0A{}", '/api/orders/\\u0000"', "/health"):
            await exchange(gateway.port, get(path, b"User-Agent: caf\xe9 \xf0\x9f\x98\x80"))
        await eventually(lambda: len(gateway.logs("request")) == 4)

        for line in gateway.logs():
            assert list(line)[:4] == ALWAYS
            assert TIME.fullmatch(line["timestamp"])
            assert line["level"] in ("debug", "info", "warning", "error", "critical")
            assert line["service"] == "api_gateway"
            assert ("correlation_id" in line) == (line["event"] == "request")


async def test_the_registrys_events_are_logged(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    environment = {"UNHEALTHY_REMOVE_AFTER": "0.3", "HEALTH_FALL": "1"}
    async with gateway_process(tmp_path, registry_url, started=True, **environment) as gateway:
        await gateway.register("drains", upstream.port)
        await gateway.register("lapses", upstream.port, ttl=1)
        await gateway.register("sickens", upstream.port, health_check_url="/health")
        await gateway.request("POST", "/services/drains/instances/i1/drain")
        await gateway.request("DELETE", "/services/drains/instances/i1")
        upstream.healthy = False

        def names(event: str) -> list[str]:
            return [line["name"] for line in gateway.logs(event)]

        await eventually(lambda: "sickens" in names("instance.removed"))
        await eventually(lambda: "lapses" in names("instance.expired"))

        assert names("instance.registered") == ["drains", "lapses", "sickens"]
        assert names("instance.draining") == ["drains"]
        assert names("instance.deregistered") == ["drains"]
        assert names("instance.expired") == ["lapses"]
        assert names("instance.removed") == ["sickens"]
        changes = [
            (line["from"], line["to"], line["evidence"])
            for line in gateway.logs("instance.health_changed")
            if line["name"] == "sickens"
        ]
        ill = "GET /health answers 503, expected 200 to 299"
        assert changes == [
            ("starting", "healthy", "GET /health answers 200"),
            ("healthy", "unhealthy", ill),
        ]
        # Traffic goes elsewhere now, and a reader of warnings alone must learn that and why.
        (removed,), (expired,) = gateway.logs("instance.removed"), gateway.logs("instance.expired")
        assert (removed["level"], removed["evidence"]) == ("warning", ill)
        assert (expired["level"], expired["evidence"]) == ("warning", "no heartbeat for 1 s")
        levels = {(line["to"], line["level"]) for line in gateway.logs("instance.health_changed")}
        assert levels == {("healthy", "info"), ("unhealthy", "warning")}
        assert {line["level"] for line in gateway.logs("instance.registered")} == {"info"}
        assert {line["instance"] for line in gateway.logs("instance.registered")} == {"i1"}


async def test_a_client_that_leaves_is_logged_as_499_without_a_traceback(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    asked = asyncio.Event()

    async def wait(_: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    upstream = await start_upstream(wait)
    async with gateway_process(tmp_path, registry_url) as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        client = await RawClient.connect(gateway.port)
        await client.send(get("/api/orders"))
        await asyncio.wait_for(asked.wait(), 5)
        await client.close()

        (line,) = await access_lines(gateway, "/api/orders")

        assert line["status"] == 499
        assert gateway.stderr == ""
        assert "Traceback" not in gateway.stdout


async def test_lines_for_people_are_no_json(tmp_path: Path, registry_url: str) -> None:
    environment = {"LOG_FORMAT": "console"}
    async with gateway_process(tmp_path, registry_url, started=False, **environment) as gateway:
        await eventually(lambda: "gateway.started" in gateway.stdout, within_s=20)

        assert not gateway.stdout.startswith("{")
