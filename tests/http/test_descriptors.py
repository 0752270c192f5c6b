"""A gateway that is short of descriptors says so to each new client and blames no instance."""

import contextlib
import json
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayProcess, gateway_process
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import free_port
from tests.support.shortages import limited_to

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
MOST = 192


@contextlib.asynccontextmanager
async def idle_clients(port: int, count: int) -> AsyncIterator[list[RawClient]]:
    """Clients that have connected and send nothing."""
    clients: list[RawClient] = []
    try:
        while len(clients) < count:
            clients.append(await RawClient.connect(port))
            if len(clients) % 8 == 0:  # no more at once than the gateway accepts
                assert (await exchange(port, HEALTH)).status == 200
        yield clients
    finally:
        for client in clients:
            await client.close()


async def metric(gateway: GatewayProcess, name: str) -> float:
    text = (await gateway.request("GET", "/metrics")).body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])


async def test_the_soft_limit_of_descriptors_is_raised_at_the_start_and_told(
    tmp_path: Path, registry_url: str
) -> None:
    """Shells and systemd give 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with gateway_process(
        tmp_path, registry_url, prefix=limited_to(200, softly=True)
    ) as gateway:
        (started,) = gateway.logs("gateway.started")
        status = (await gateway.request("GET", "/status")).json()["descriptors"]

        assert started["max_descriptors"] == status["max"] == hard
        assert await metric(gateway, "process_max_fds") == hard
        assert 0 < status["open"] < 100
        assert 0 < await metric(gateway, "process_open_fds") < 100


async def test_idle_clients_that_use_the_descriptors_up_cost_no_instance_its_health(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    """After three seconds everybody got 502, and after a minute a healthy service was removed."""
    upstream = await start_upstream()
    async with gateway_process(
        tmp_path, registry_url, prefix=limited_to(MOST), HEALTH_CHECK_TIMEOUT="1"
    ) as gateway:
        await gateway.register("orders", upstream.port, health_check_url="/health", ttl=3600)
        before = await RawClient.connect(gateway.port)
        await before.send(GET)
        assert (await before.answer()).status == 200

        async with idle_clients(gateway.port, MOST + 50):
            refused = await eventually(lambda: overloaded(gateway.port))
            document = json.loads(refused)
            assert document["reason"] == "overloaded"
            assert document["correlation_id"]
            probes = upstream.probes
            for _ in range(20):  # the probes and the gateway go on
                assert (await exchange(gateway.port, HEALTH)).status == 200
            await eventually(lambda: upstream.probes > probes + 2)
            assert (await gateway.request("GET", "/services")).status == 200
            status = (await gateway.request("GET", "/status")).json()
            assert status["descriptors"]["clients_refused"] >= 1
            assert status["services"]["orders"]["healthy"] == 1
            assert await metric(gateway, "gateway_connections_refused_total") >= 1
            # Clients that were connected before are served as ever.
            await before.send(GET)
            assert (await before.answer()).status == 200

        await eventually(lambda: is_served(gateway.port))
        await before.close()
        changes = [one["to"] for one in gateway.logs("instance.health_changed")]
        assert changes == ["healthy"]
        (said,) = gateway.logs("client.refused")
        assert "ulimit -n" in said["detail"]


async def overloaded(port: int) -> bytes:
    """The refusal of a new client."""
    async with await RawClient.connect(port) as client:
        await client.send(GET)
        answer = await client.answer()
        assert answer.status == 503
        assert answer.values(b"retry-after") == [b"1"]
        assert answer.values(b"connection") == [b"close"]
        assert await client.closed()
        return answer.body


async def is_served(port: int) -> bool:
    return (await exchange(port, GET)).status == 200


async def test_a_new_client_beyond_the_reserve_is_told_and_who_asks_for_health_is_answered(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    gateway.gateway.descriptors.clients_below = 0

    refused = json.loads(await overloaded(gateway.port))
    health = await exchange(gateway.port, HEALTH)

    assert (refused["reason"], refused["status"]) == ("overloaded", 503)
    assert (health.status, health.values(b"connection")) == (200, [b"close"])
    assert upstream.requests == []
    async with idle_clients(gateway.port, 1) as (idle,):
        assert await idle.closed()  # after a second without a request


async def test_a_request_for_which_there_is_no_descriptor_is_overload_and_no_evidence(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders", upstream.port)
    gateway.gateway.dialer.requests_below = 0

    answer = await gateway.get("/api/orders")

    assert (answer.status, answer.reason) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"
    assert not gateway.member.health.is_suspected("orders/i1")


#: Records each file that is opened once the gateway accepts connections.
WATCHED = """
import os, sys
written = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def watch(event, args):
    if event in ("open", "import") and args[0]:
        os.write(written, f"{event} {args[0]}\\n".encode())
from gateway.process import serve, start
listen = serve.listen
async def listen_watched(*args):
    await listen(*args)
    sys.addaudithook(watch)
serve.listen = listen_watched
sys.exit(start.main())
"""


async def test_a_running_gateway_needs_nothing_from_the_disk(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    """Without descriptors `GET /services` answered 500, because its script was read at first use.

    A file that is read late may also belong to another release.
    """
    opened = tmp_path / "opened"
    upstream, dead = await start_upstream(), free_port()
    async with gateway_process(
        tmp_path,
        registry_url,
        module=("-c", WATCHED, str(opened)),
        RATE_LIMIT_REQUESTS="100",
        CORS_ORIGINS="https://app.example",
    ) as gateway:
        path = "/services/{}/instances/i1"
        await gateway.register("orders", upstream.port, health_check_url="/health")
        await gateway.register("named", upstream.port, host="localhost")
        for name, port, scheme in (("dead", dead, "http"), ("safe", upstream.port, "https")):
            body = {"host": "localhost", "port": port, "scheme": scheme}
            await gateway.request("PUT", path.format(name), json=body)
        for asked in (
            *("/", "/health", "/ready", "/status", "/metrics", "/services", "/services/orders"),
            *("/api/orders", "/api/named", "/api/dead", "/api/safe", "/api/nobody", "/nowhere"),
        ):
            await gateway.request("GET", asked, headers={"Origin": "https://app.example"})
        await exchange(gateway.port, b"nonsense\r\n\r\n")
        await gateway.request("POST", path.format("orders") + "/heartbeat")
        await gateway.request("POST", "/heartbeats", json={"instances": []})
        await gateway.request("POST", path.format("orders") + "/drain?wait=1")
        await gateway.request("DELETE", path.format("orders"))
        await gateway.request("POST", "/api/named", data=b"x" * 100_000)

        lines = set(opened.read_text().splitlines())

    assert {one for one in lines if not one.startswith(("open /proc/", "import /proc"))} == set()


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_who_asks_for_health_is_answered_while_others_hold_on_to_what_they_have(
    tmp_path: Path, registry_url: str, path: str
) -> None:
    """Idle clients come faster than the gateway ends them."""
    ask = b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode()
    async with (
        gateway_process(tmp_path, registry_url, prefix=limited_to(MOST)) as gateway,
        idle_clients(gateway.port, MOST) as clients,
    ):
        for _ in range(30):
            clients += [await RawClient.connect(gateway.port) for _ in range(5)]
            assert (await exchange(gateway.port, ask)).status == 200
