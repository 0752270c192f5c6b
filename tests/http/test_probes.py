"""The three kinds of probe as a gateway makes them: HTTP, TCP connect, and heartbeats."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from discovery.base.steps import at_once
from discovery.model.instance import parse_registration
from discovery.view.saved_view import ViewLines, write
from discovery.view.view import Entry, View
from middlewares.candidates import layer as candidates
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.upstreams import Received

KEY = "orders/i1"
HEARTBEAT = {"health.probe": "heartbeat"}


def evidence(gateway: RunningGateway) -> str:
    return gateway.member.health.health(KEY).evidence


def probing_tasks() -> list[str]:
    return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("probe-")]


# HTTP


@pytest.mark.parametrize(
    ("status", "body", "metadata", "verdict"),
    [
        (401, "", {"health.statuses": "200-299,401"}, ("healthy", "GET /probe answers 401")),
        (
            204,
            "",
            {"health.statuses": "200"},
            ("unhealthy", "GET /probe answers 204, expected 200"),
        ),
        (302, "", {"health.statuses": "300-399"}, ("healthy", "GET /probe answers 302")),
        (200, "all is UP now", {"health.body": "UP"}, ("healthy", "GET /probe answers 200")),
        (
            200,
            "all is down",
            {"health.body": "UP"},
            ("unhealthy", "GET /probe answers 200 without the expected body"),
        ),
        (
            500,
            "UP",
            {"health.body": "UP"},
            ("unhealthy", "GET /probe answers 500, expected 200 to 299"),
        ),
        (200, " " * 16382 + "UP", {"health.body": "UP"}, ("healthy", "GET /probe answers 200")),
        (
            200,
            " " * 16383 + "UP",
            {"health.body": "UP"},
            ("unhealthy", "GET /probe answers 200 without the expected body"),
        ),
        (200, "grün", {"health.body": "ü"}, ("healthy", "GET /probe answers 200")),
    ],
)
async def test_an_http_probe_passes_on_the_statuses_and_the_body_that_are_asked_for(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    status: int,
    body: str,
    metadata: dict[str, str],
    verdict: tuple[str, str],
) -> None:
    length = len(body.encode())
    answer = f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}".encode()
    gateway, upstream = await start_gateway(HEALTH_FALL="1"), await start_upstream(answer)

    await gateway.register(
        "orders", upstream.port, health_check_url="/probe", metadata=metadata, routable=False
    )

    await eventually(lambda: gateway.member.health.status(KEY) != "starting")
    assert (gateway.member.health.status(KEY), evidence(gateway)) == verdict


async def test_other_expectations_of_the_same_instance_are_probed_at_once(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(HEALTH_CHECK_INTERVAL="60"), await start_upstream()
    await gateway.register("orders", upstream.port, health_check_url="/health")

    await gateway.register(
        "orders",
        upstream.port,
        health_check_url="/health",
        metadata={"health.statuses": "500"},
        routable=False,
    )

    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")


async def shop(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer one Host only, like a virtual host, or Django with ALLOWED_HOSTS."""
    status = b"200 OK" if received.values(b"Host") == [b"shop.example"] else b"400 Bad Request"
    writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)


async def test_a_server_that_takes_one_host_alone_is_healthy_once_probes_name_it(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """The instance gets a new probe at once; it does not wait for the interval."""
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="60", HEALTH_FALL="1")
    upstream = await start_upstream(shop)
    await gateway.register("orders", upstream.port, health_check_url="/probe", routable=False)
    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")
    assert evidence(gateway) == "GET /probe answers 400, expected 200 to 299"

    await gateway.register(
        *("orders", upstream.port),
        health_check_url="/probe",
        metadata={"health.host": "shop.example"},
    )

    assert evidence(gateway) == "GET /probe answers 200"
    assert upstream.requests[0].values(b"Host") == [b"127.0.0.1:%d" % upstream.port]


async def test_a_trial_names_the_host_that_probes_name(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream, health = (
        await start_gateway(),
        await start_upstream(),
        await start_upstream(),
    )
    await gateway.register(
        *("orders", upstream.port),
        health_check_url=f"http://127.0.0.1:{health.port}/health",
        metadata={"health.host": "shop.example"},
    )
    (entry,) = gateway.member.watcher.view.entries()

    gateway.member.prober.doubt(entry.instance, "a request failed")

    (trial,) = await eventually(lambda: upstream.requests)
    assert (trial.request_line, trial.values(b"Host")) == (b"HEAD / HTTP/1.1", [b"shop.example"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"metadata": {"health.probe": "http"}}, "needs a health_check_url"),
        ({"metadata": {"health.probe": "ping"}}, "'ping' must be http, tcp or heartbeat"),
        (
            {"health_check_url": "/health", "metadata": {"health.statuses": "2xx"}},
            "metadata 'health.statuses': '2xx'",
        ),
        ({"metadata": {"health.host": "a"}}, "metadata 'health.host': 'a' needs an HTTP probe"),
        (
            {"health_check_url": "/health", "metadata": {"health.host": "a\nb"}},
            "metadata 'health.host': 'a\\nb' must be a host",
        ),
    ],
)
async def test_a_probe_that_makes_no_sense_is_refused_with_the_reason(
    start_gateway: StartGateway, body: dict[str, Any], reason: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin(
        "PUT", "/services/orders/instances/i1", json={"host": "127.0.0.1", "port": 9, **body}
    )

    assert answer.status == 400
    assert reason in answer.json()["detail"]


async def test_the_first_request_waits_for_one_probe_and_for_no_interval(
    start_gateway: StartGateway, start_upstream: StartUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request waits for the first verdict, for which one probe is enough."""
    monkeypatch.setattr(candidates, "FIRST_VERDICT_WITHIN_S", 30.0)  # half of the interval
    gateway, upstream = await start_gateway(HEALTH_CHECK_INTERVAL="60"), await start_upstream()

    await gateway.register("orders", upstream.port, health_check_url="/health", routable=False)
    answer = await gateway.get("/api/orders")

    assert (answer.status, upstream.probes) == (200, 1)


async def test_while_an_instance_fails_it_is_probed_more_often(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """After a doubt it is probed at once, and neither of the next two probes waits for the interval."""
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="60", HEALTH_FALL="3")
    upstream = await start_upstream()
    await gateway.register("orders", upstream.port, health_check_url="/health")
    upstream.healthy = False
    (entry,) = gateway.member.watcher.view.entries()

    gateway.member.prober.doubt(entry.instance, "a request failed")

    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")
    assert upstream.probes == 4


# TCP


async def test_a_tcp_probe_asks_for_nothing_though_there_is_a_health_url(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(healthy=False)

    await gateway.register(
        "orders", upstream.port, health_check_url="/health", metadata={"health.probe": "tcp"}
    )

    assert (upstream.probes, evidence(gateway)) == (0, "connected")


# Heartbeats


async def test_with_heartbeats_as_the_probe_an_instance_is_healthy_at_once_and_nothing_is_asked(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()

    await gateway.register("orders", upstream.port, metadata=HEARTBEAT, routable=False)

    assert gateway.member.health.status(KEY) == "healthy"
    assert evidence(gateway) == "heartbeats come"
    assert probing_tasks() == []
    assert (await gateway.get("/api/orders")).status == 200
    assert [one.target for one in upstream.requests] == [b"/"]


async def test_with_heartbeats_as_the_probe_the_end_of_the_lease_takes_it_out_until_they_come_back(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Any other lapsed instance is a last resort while it passes its probes."""
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port, metadata=HEARTBEAT, ttl=600)
    assert (await gateway.get("/api/orders")).status == 200
    await gateway.register("orders", upstream.port, metadata=HEARTBEAT, ttl=1, routable=False)

    await eventually(lambda: _is_answered(gateway, 503))
    assert evidence(gateway) == "its lease lapsed"
    await gateway.register("orders", upstream.port, metadata=HEARTBEAT, routable=False)

    assert (await gateway.get("/api/orders")).status == 200
    assert probing_tasks() == []


async def test_with_heartbeats_as_the_probe_a_loss_of_the_registrys_data_changes_nothing(
    start_gateway: StartGateway, start_upstream: StartUpstream, registry_url: str
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port, metadata=HEARTBEAT)

    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    await eventually(lambda: _is_lost(gateway))

    assert (await gateway.get("/api/orders")).status == 200


async def test_with_heartbeats_as_the_probe_real_requests_are_evidence_and_trials_bring_it_back(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, port = await start_gateway(), free_port()
    await gateway.register("orders", port, metadata=HEARTBEAT, routable=False)

    await gateway.get("/api/orders")
    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")
    assert probing_tasks() == [f"probe-{KEY}"]
    heartbeat = await gateway.admin("POST", "/services/orders/instances/i1/heartbeat")
    assert (heartbeat.status, gateway.member.health.status(KEY)) == (204, "unhealthy")
    upstream = await start_upstream(port=port)

    await eventually(lambda: gateway.member.health.status(KEY) == "healthy")
    await eventually(lambda: probing_tasks() == [])
    assert upstream.requests[0].head.startswith(b"HEAD / ")


async def test_with_heartbeats_as_the_probe_one_removed_for_ill_health_has_to_answer_first(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway(HEALTH_RISE="3", HEALTH_FALL="1", UNHEALTHY_REMOVE_AFTER="0")
    port = free_port()
    await gateway.register("orders", port, metadata=HEARTBEAT, routable=False)
    await gateway.get("/api/orders")
    await eventually(lambda: _is_listed(gateway, False))
    upstream = await start_upstream(port=port)

    await gateway.register("orders", port, metadata=HEARTBEAT)

    assert len(upstream.requests) == 3
    assert evidence(gateway) == "HEAD / answers 200"


async def test_with_heartbeats_as_the_probe_one_that_dies_while_the_registry_is_away_costs_no_request(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    """Nobody probes the instance and its lease can't lapse, so real requests find it out."""
    gateway = await start_gateway(REDIS_URL=own_registry.url)
    dies, stays = await start_upstream(), await start_upstream()
    await gateway.register("orders", dies.port, metadata=HEARTBEAT)
    await gateway.register("orders", stays.port, "i2", metadata=HEARTBEAT)
    own_registry.kill()
    await eventually(lambda: not gateway.member.watcher.connected)

    await dies.stop()
    for _ in range(20):
        assert (await gateway.get("/api/orders")).status == 200
        assert (await gateway.request("POST", "/api/orders", data=b"x")).status == 200
    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")


async def test_with_heartbeats_as_the_probe_a_saved_view_is_believed_until_requests_say_otherwise(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    file, stays = tmp_path / "view", await start_upstream()
    entries = [
        Entry(
            parse_registration(
                "orders", name, {"host": "127.0.0.1", "port": port, "metadata": HEARTBEAT}
            ),
            0,
        )
        for name, port in (("i1", free_port()), ("i2", stays.port))
    ]
    view = View(services={"orders": {one.key: one for one in entries}})
    write(file, at_once(ViewLines().of(view)), time.time())

    gateway = await start_gateway(
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", VIEW_FILE=str(file)
    )
    for _ in range(20):
        assert (await gateway.get("/api/orders")).status == 200
        assert (await gateway.request("POST", "/api/orders", data=b"x")).status == 200
    await eventually(lambda: gateway.member.health.status(KEY) == "unhealthy")


async def _is_answered(gateway: RunningGateway, status: int) -> bool:
    return (await gateway.get("/api/orders")).status == status


async def _is_listed(gateway: RunningGateway, wanted: bool) -> bool:
    return ((await gateway.get("/services/orders")).status == 200) == wanted


def _is_lost(gateway: RunningGateway) -> bool:
    return [entry.absent for entry in gateway.member.watcher.view.entries()] == ["lost"]
