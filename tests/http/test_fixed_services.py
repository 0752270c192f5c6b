"""Services with fixed addresses: probed, balanced and shown like the rest, and never in the registry."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.typedefs import Handler

from discovery.model.addresses import IPAddress
from discovery.model.fixed import FixedHealth, FixedService, fixed_service
from gateway.upstream import tls_terms
from gateway.upstream.resolver import Resolver
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.files import text_of
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import (
    OK,
    KeepAliveUpstream,
    Received,
    ScriptedUpstream,
    ServedConnection,
)

OFTEN = FixedHealth("/health", 0.05)
BY_CONNECT = FixedHealth(interval_s=0.05)


def at(
    *upstreams: ScriptedUpstream | KeepAliveUpstream,
    name: str = "legacy",
    health: FixedHealth = OFTEN,
) -> FixedService:
    return fixed_service(name, [f"http://127.0.0.1:{one.port}" for one in upstreams], health)


def key_of(service: FixedService, index: int = 0) -> str:
    return service.instances[index].key


async def healthy(gateway: RunningGateway, service: FixedService) -> None:
    """Wait until each of its instances gets requests."""
    keys = [one.key for one in service.instances]
    await eventually(lambda: {gateway.member.health.status(key) for key in keys} == {"healthy"})


async def test_its_instances_are_probed_and_share_the_requests(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    upstreams = [await start_upstream() for _ in range(3)]
    service = at(*upstreams)
    gateway = await start_gateway(fixed=[service])
    await healthy(gateway, service)

    for _ in range(30):
        assert (await gateway.get("/api/legacy/x?y=1")).status == 200

    assert min(len(one.requests) for one in upstreams) > 0
    assert sum(len(one.requests) for one in upstreams) == 30
    assert {one.target for one in upstreams[0].requests} == {b"/x?y=1"}
    assert all(one.probes for one in upstreams)


async def test_a_request_that_comes_before_the_first_verdict_waits_for_it(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    service = at(await start_upstream())
    gateway = await start_gateway()
    await gateway.member.replace_fixed([service])
    assert (await gateway.get("/api/legacy")).status == 200


async def test_a_service_that_has_no_health_path_is_probed_by_a_connect(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    upstream.healthy = False
    service = at(upstream, health=BY_CONNECT)
    gateway = await start_gateway(fixed=[service])
    await healthy(gateway, service)
    assert (await gateway.get("/api/legacy")).status == 404
    assert upstream.probes == 0


async def test_it_is_shown_with_where_it_comes_from(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    service = at(upstream)
    gateway = await start_gateway(fixed=[service])
    await gateway.register("orders_service", upstream.port)
    await healthy(gateway, service)

    listed = (await gateway.get("/services")).json()
    assert [one["name"] for one in listed["services"]] == ["legacy", "orders_service"]
    for document in (listed["services"][0], (await gateway.get("/services/legacy")).json()):
        assert (document["route"], document["healthy"], document["total"]) == ("/api/legacy", 1, 1)
        (instance,) = document["instances"]
        assert instance["url"] == f"http://127.0.0.1:{upstream.port}"
        assert (instance["id"], instance["source"], instance["status"], instance["weight"]) == (
            *(f"http-127.0.0.1-{upstream.port}", "file", "healthy", 1),
        )
        assert instance["last_heartbeat"] is None
    shown = (await gateway.admin("GET", "/services/legacy")).json()["instances"][0]
    assert (shown["source"], shown["health"]["condition"]) == ("file", "healthy")
    assert shown["health"]["latest"] == "GET /health answers 200"
    (registered,) = listed["services"][1]["instances"]
    assert "source" not in registered
    assert (await gateway.get("/")).json()["routes"][0] == {
        "route": "/api/legacy",
        "service": "legacy",
    }
    page = await gateway.get("/", headers={"Accept": "text/html"})
    assert f"http-127.0.0.1-{upstream.port}" in page.body.decode()
    status = (await gateway.get("/status")).json()
    assert status["services"]["legacy"]["healthy"] == 1
    metrics = (await gateway.get("/metrics")).body.decode()
    assert 'discovery_instances{service="legacy",status="healthy"} 1.0' in metrics


async def test_it_loses_its_health_and_gets_it_back(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """However long it is away, nobody takes it out of the file."""
    ill, well = await start_upstream(), await start_upstream()
    service = at(ill, well)
    gateway = await start_gateway(fixed=[service], UNHEALTHY_REMOVE_AFTER="1")
    await healthy(gateway, service)
    ill.healthy = False
    await eventually(lambda: gateway.member.health.status(key_of(service)) == "unhealthy")
    swept = gateway.member.sweeper
    for _ in range(5):
        await swept.sweep()
    seen = len(ill.requests)
    for _ in range(10):
        assert (await gateway.get("/api/legacy")).status == 200
    assert len(ill.requests) == seen

    well.healthy = False
    await eventually(lambda: gateway.member.health.status(key_of(service, 1)) == "unhealthy")
    answer = await gateway.get("/api/legacy")
    assert (answer.status, answer.reason) == (503, "no_healthy_instance")
    assert "2 unhealthy: GET /health answers 503" in answer.json()["detail"]

    assert gateway.member.mass_losses.counts == {}

    ill.healthy = well.healthy = True
    await healthy(gateway, service)
    assert (await gateway.get("/api/legacy")).status == 200


async def test_the_registry_is_told_nothing_of_it_and_a_saved_view_has_nothing_of_it(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    own_registry: RegistryServer,
    tmp_path: Path,
) -> None:
    upstream, view_file = await start_upstream(), tmp_path / "view"
    service = at(upstream)
    async with commands(own_registry) as sent:
        gateway = await start_gateway(
            fixed=[service], REDIS_URL=own_registry.url, VIEW_FILE=str(view_file)
        )
        await healthy(gateway, service)
        await gateway.register("price_service", upstream.port, "p1")
        with own_registry.client() as registry:
            registry.flushall()  # with the gateway's lease: it reports every verdict again
        upstream.healthy = False
        await eventually(lambda: gateway.member.health.status(key_of(service)) == "unhealthy")
        await gateway.register("price_service", upstream.port, "p2")
        assert (await gateway.get("/services")).json()["count"] == 2
        await eventually(lambda: b"price_service/p2" in sent and b"connected" in sent)
        await eventually(lambda: "price_service/p2" in text_of(view_file))
        assert b"legacy" not in sent
        assert "legacy" not in view_file.read_text()
    named = key_of(service).replace("/", "/instances/")
    drained = await gateway.admin("POST", f"/services/{named}/drain")
    assert (drained.status, drained.reason) == (404, "instance_not_found")


@asynccontextmanager
async def commands(registry: RegistryServer) -> AsyncIterator[bytearray]:
    """Everything that is sent to the registry, by its clients and by their scripts."""
    sent = bytearray()
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
    writer.write(b"MONITOR\r\n")
    assert await reader.readline() == b"+OK\r\n"

    async def read() -> None:
        while data := await reader.read(2**16):
            sent.extend(data)

    reading = asyncio.create_task(read())
    try:
        yield sent
    finally:
        reading.cancel()
        writer.close()


async def test_registered_and_fixed_instances_of_a_service_share_its_requests(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    named, both, registered = [await start_upstream() for _ in range(3)]
    service = at(named, both)
    gateway = await start_gateway(fixed=[service])
    await gateway.register("legacy", both.port, "double")
    await gateway.register("legacy", registered.port, "i1")
    await healthy(gateway, service)
    for _ in range(200):
        assert (await gateway.get("/api/legacy")).status == 200
    shares = [len(one.requests) for one in (named, both, registered)]
    assert min(shares) > 0
    assert shares[1] < 100, "an address that is named twice has the weight of one"

    # The registry's events about the double leave the file's instance alone.
    assert (await gateway.admin("DELETE", "/services/legacy/instances/double")).status == 204
    assert (await gateway.admin("DELETE", "/services/legacy/instances/i1")).status == 204
    both.requests.clear()
    for _ in range(20):
        assert (await gateway.get("/api/legacy")).status == 200
    assert both.requests


async def test_without_a_registry_a_fixed_service_is_routed_to_and_others_are_not_known_yet(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    own_registry.kill()
    upstream = await start_upstream()
    service = at(upstream)
    gateway = await start_gateway(fixed=[service], view_within_s=0.01, REDIS_URL=own_registry.url)

    assert (await gateway.get("/api/legacy")).status == 200
    for path in ("/api/orders", "/ready", "/services/orders_service"):
        answer = await gateway.get(path)
        assert (answer.status, answer.reason) == (503, "no_view"), path
    listed = (await gateway.get("/services")).json()
    assert (listed["count"], listed["stale"]) == (1, True)
    assert (await gateway.get("/services/legacy")).status == 200

    own_registry.start()
    await eventually(lambda: gateway.member.is_ready)
    assert (await gateway.get("/ready")).status == 200
    assert (await gateway.get("/api/legacy")).status == 200
    answer = await gateway.get("/api/orders")
    assert (answer.status, answer.reason) == (404, "route_not_found")
    await gateway.register("orders_service", upstream.port)
    assert (await gateway.get("/api/orders")).status == 200


async def test_a_registry_that_dies_changes_nothing_for_a_fixed_service(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    first, second = await start_upstream(), await start_upstream()
    service = at(first, second)
    gateway = await start_gateway(fixed=[service], REDIS_URL=own_registry.url)
    await healthy(gateway, service)
    own_registry.kill()
    await eventually(lambda: not gateway.member.watcher.connected)
    for _ in range(10):
        assert (await gateway.get("/api/legacy")).status == 200
    # What the file says and what the probes find count while the registry is away too.
    first.healthy = False
    await eventually(lambda: gateway.member.health.status(key_of(service)) == "unhealthy")
    await gateway.member.replace_fixed([service, at(second, name="more")])
    assert (await gateway.get("/api/more")).status == 200
    own_registry.start()
    await eventually(lambda: gateway.member.watcher.connected)
    assert (await gateway.get("/api/legacy")).status == 200


async def test_a_file_that_changes_under_traffic_fails_no_request(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    upstreams = [await start_upstream(slowly) for _ in range(4)]
    always, *others = upstreams
    gateway = await start_gateway(fixed=[at(*upstreams)])
    await healthy(gateway, at(*upstreams))
    statuses: list[int] = []
    stopping = asyncio.Event()

    async def client() -> None:
        while not stopping.is_set():
            statuses.append((await gateway.get("/api/legacy")).status)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for round_ in range(20):
        some = [one for index, one in enumerate(others) if (round_ + index) % 3]
        await gateway.member.replace_fixed(
            [at(always, *some), at(others[round_ % 3], name="other")]
        )
        done = len(statuses)
        await eventually(lambda done=done: len(statuses) > done + 20)
    stopping.set()
    await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert all(one.requests for one in upstreams)


async def slowly(_received: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.002)
    writer.write(OK)
    await writer.drain()


async def test_an_address_that_leaves_the_file_ends_what_it_has_begun_and_gets_nothing_new(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def in_two_pieces(_received: Received, connection: ServedConnection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
        begun.set()
        await finish.wait()
        await connection.send(b"lf")

    leaving, staying = await start_keep_alive(in_two_pieces), await start_keep_alive()
    gateway = await start_gateway(fixed=[at(leaving)])
    answering = asyncio.create_task(gateway.get("/api/legacy"))
    await begun.wait()

    await gateway.member.replace_fixed([at(staying)])
    for _ in range(5):
        assert (await gateway.get("/api/legacy")).body == b"ok"
    finish.set()
    answer = await answering
    assert (answer.status, answer.body) == (200, b"half")
    assert len(leaving.requests) == 1
    await eventually(lambda: leaving.open_connections == 0)

    await gateway.member.replace_fixed([])
    answer = await gateway.get("/api/legacy")
    assert (answer.status, answer.reason) == (404, "route_not_found")


async def test_a_service_that_is_renamed_back_and_forth_keeps_its_health_and_its_connections(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    upstream = await start_keep_alive()
    legacy, orders = at(upstream), at(upstream, name="orders")
    gateway = await start_gateway(fixed=[legacy])
    await healthy(gateway, legacy)
    assert (await gateway.get("/api/legacy")).status == 200
    history = gateway.member.health.history(key_of(legacy))

    for service in (orders, legacy, orders):
        await gateway.member.replace_fixed([service])
        assert gateway.member.health.status(key_of(service)) == "healthy"
        assert gateway.member.health.history(key_of(service)) == history
        assert (await gateway.get(f"/api/{service.name}")).status == 200
    assert len(upstream.connections) == 1
    assert len(upstream.requests) == 4
    assert (await gateway.get("/api/legacy")).status == 404


async def test_a_request_that_was_routed_before_its_service_was_renamed_is_answered(
    registry_url: str, start_upstream: StartUpstream
) -> None:
    """Between its route and its candidates a request waits for the limiter."""
    routed, renamed = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        routed.set()
        await renamed.wait()
        return await handler(request)

    upstream = await start_upstream()
    settings = gateway_settings({"REDIS_URL": registry_url})
    gateway = await RunningGateway.start(
        settings,
        lambda app: app.middlewares.insert(-1, wait),  # outside of the candidates' layer
        fixed=[at(upstream)],
    )
    try:
        await healthy(gateway, at(upstream))
        asking = asyncio.create_task(gateway.get("/api/legacy"))
        await routed.wait()
        await gateway.member.replace_fixed([at(upstream, name="orders")])
        renamed.set()
        assert (await asking).status == 200
        assert (await gateway.get("/api/legacy")).status == 404
    finally:
        await gateway.stop()


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """The context of an https instance, whose authority the gateway trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls_terms.tls_context.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("legacy.example").configure_cert(context)
    yield context
    tls_terms.tls_context.cache_clear()


async def test_an_https_name_follows_its_addresses(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, tls: ssl.SSLContext
) -> None:
    """New connections go to the new address, and idle ones to the old one are ended."""
    first = await start_keep_alive(tls=tls)
    second = KeepAliveUpstream(OK, read_body=True)
    second._tls = tls
    await second.listen(first.port, "127.0.0.2")
    addresses: list[IPAddress] = [ipaddress.ip_address("127.0.0.1")]
    service = fixed_service("legacy", [f"https://legacy.example:{first.port}"], BY_CONNECT)
    gateway = await start_gateway()
    gateway.gateway.dialer.resolver = Resolver(lambda _host: list(addresses), fresh_for_s=0.05)
    await gateway.member.replace_fixed([service])
    try:
        assert (await gateway.get("/api/legacy")).status == 200
        assert (len(first.requests), len(second.requests)) == (1, 0)
        addresses[:] = [ipaddress.ip_address("127.0.0.2")]
        await eventually(lambda: first.open_connections == 0)
        assert (await gateway.get("/api/legacy")).status == 200
        assert (len(first.requests), len(second.requests)) == (1, 1)
    finally:
        await second.stop()


async def test_what_may_register_does_not_limit_what_the_file_names(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    service = at(await start_upstream())
    gateway = await start_gateway(fixed=[service], REGISTRY_ALLOWED_HOSTS="10.9.0.0/16")
    await healthy(gateway, service)
    assert (await gateway.get("/api/legacy")).status == 200


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1"])
async def test_a_name_of_the_file_leads_to_no_forbidden_address(
    start_gateway: StartGateway, address: str
) -> None:
    """The operator has named the name; whoever answers for it has not been asked."""
    service = fixed_service("legacy", ["http://legacy.example:80"], BY_CONNECT)
    gateway = await start_gateway()
    found = ipaddress.ip_address(address)
    gateway.gateway.dialer.resolver = Resolver(lambda _host: [found])
    await gateway.member.replace_fixed([service])
    await eventually(lambda: gateway.member.health.status(key_of(service)) == "unhealthy")
    assert "never connected to" in gateway.member.health.health(key_of(service)).evidence


async def test_the_gateway_itself_is_no_instance(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    service = fixed_service("loop", [f"http://127.0.0.1:{gateway.port}"], BY_CONNECT)
    await gateway.member.replace_fixed([service])
    await eventually(lambda: gateway.member.health.status(key_of(service)) == "unhealthy")
    assert "own listener" in gateway.member.health.health(key_of(service)).evidence


async def test_a_new_gateway_without_a_registry_begins_with_its_saved_view_and_the_file(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    own_registry: RegistryServer,
    tmp_path: Path,
) -> None:
    upstream, view_file = await start_upstream(), tmp_path / "view"
    service = at(upstream)
    environment = {"REDIS_URL": own_registry.url, "VIEW_FILE": str(view_file)}
    first = await start_gateway(fixed=[service], **environment)
    await first.register("orders_service", upstream.port)
    await eventually(lambda: "orders_service" in text_of(view_file))
    own_registry.kill()
    second = await start_gateway(fixed=[service], **environment)
    for path in ("/api/legacy", "/api/orders", "/ready"):
        assert (await second.get(path)).status == 200
