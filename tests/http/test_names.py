"""Instances with a host name: the gateway follows a name that moves, and one that hangs delays no other."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.upstream.resolver import Resolver
from middlewares.routing.policy import Deadlines
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.name_servers import NameServer
from tests.support.upstreams import KeepAliveUpstream, Received

OLD, NEW = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer(OLD)
    yield server
    server.speaks.set()


@pytest.fixture
async def old_and_new() -> AsyncIterator[tuple[KeepAliveUpstream, KeepAliveUpstream]]:
    """Two live instances with the same port at two addresses."""
    upstreams = [
        KeepAliveUpstream(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + word, read_body=True)
        for word in (b"old", b"new")
    ]
    port = 0
    for upstream, host in zip(upstreams, (OLD, NEW), strict=True):
        await upstream.listen(port, host)
        port = upstream.port
    yield upstreams[0], upstreams[1]
    for upstream in upstreams:
        await upstream.stop()


async def with_names(start_gateway: StartGateway, name_server: NameServer) -> RunningGateway:
    """A gateway that asks for a name again after 50 ms."""
    gateway = await start_gateway(UPSTREAM_TIMEOUT="0.5", UPSTREAM_IDLE_TIMEOUT="0.5")
    gateway.gateway.dialer.resolver = Resolver(name_server.look_up, fresh_for_s=0.05)
    return gateway


async def test_a_name_that_moves_is_followed_under_steady_requests(
    start_gateway: StartGateway,
    name_server: NameServer,
    old_and_new: tuple[KeepAliveUpstream, KeepAliveUpstream],
) -> None:
    """All requests stayed on the connections to the old address as long as that answered."""
    old, _ = old_and_new
    gateway = await with_names(start_gateway, name_server)
    await gateway.register("orders", old.port, host="orders.example", health_check_url="/health")
    assert (await gateway.get("/api/orders")).body == b"old"
    assert old.open_connections == 1

    name_server.move_to(NEW)

    async def asked_the_new_one() -> bool:
        answer = await gateway.get("/api/orders")
        assert answer.status == 200
        return answer.body == b"new"

    await eventually(asked_the_new_one)
    before = len(old.requests)
    assert {(await gateway.get("/api/orders")).body for _ in range(10)} == {b"new"}
    assert len(old.requests) == before
    await eventually(lambda: old.open_connections == 0)


async def test_a_connection_in_use_is_left_alone_and_not_used_again_after_the_move(
    start_gateway: StartGateway,
    name_server: NameServer,
    old_and_new: tuple[KeepAliveUpstream, KeepAliveUpstream],
) -> None:
    old, _ = old_and_new
    gateway = await with_names(start_gateway, name_server)
    await gateway.register("orders", old.port, host="orders.example", health_check_url="/health")
    pool = gateway.gateway.upstreams.pool(
        gateway.member.watcher.view.services["orders"]["orders/i1"].instance
    )
    connection = await pool.open(deadlines=Deadlines())  # as a request in flight holds it
    assert str(connection.address) == OLD

    name_server.move_to(NEW)
    await eventually(
        lambda: gateway.gateway.dialer.resolver.known("orders.example") == name_server.addresses
    )
    await eventually(lambda: asks_new(gateway))

    assert connection.is_open
    pool.give_back(connection)
    assert not connection.is_open


async def asks_new(gateway: RunningGateway) -> bool:
    return (await gateway.get("/api/orders")).body == b"new"


async def test_a_name_that_keeps_its_addresses_keeps_its_connections(
    start_gateway: StartGateway,
    name_server: NameServer,
    old_and_new: tuple[KeepAliveUpstream, KeepAliveUpstream],
) -> None:
    """The addresses come in another order, as name servers do each time, and with a new one."""
    old, _ = old_and_new
    gateway = await with_names(start_gateway, name_server)
    await gateway.register("orders", old.port, host="orders.example", health_check_url="/health")
    await gateway.get("/api/orders")

    name_server.move_to(NEW, OLD)
    asked = name_server.asked["orders.example"]
    await eventually(lambda: name_server.asked["orders.example"] > asked + 2)

    assert (await gateway.get("/api/orders")).body == b"old"
    assert len(old.connections) == 1


async def test_a_silent_name_switches_no_time_out_off(
    start_gateway: StartGateway, start_upstream: StartUpstream, name_server: NameServer
) -> None:
    """The sweep that ends overdue requests waited for the look-up of any service's name."""

    async def hangs(received: Received, writer: asyncio.StreamWriter) -> None:
        await received.reader.read()

    gateway = await with_names(start_gateway, name_server)
    name_server.move_to("127.0.0.1")
    named, hanging = await start_upstream(), await start_upstream(hangs)
    await gateway.register("named", named.port, host="named.example")
    await gateway.register("hanging", hanging.port, health_check_url="/health")
    name_server.silent = {"named.example"}
    asked = name_server.asked["named.example"]
    await eventually(lambda: name_server.asked["named.example"] > asked)

    async with asyncio.timeout(15):
        began_s = time.monotonic()
        answer = await gateway.get("/api/hanging")

    assert (answer.status, answer.reason) == (504, "upstream_timeout")
    assert time.monotonic() - began_s >= 0.5
    assert (await gateway.get("/api/named")).status == 200


async def test_silent_names_keep_no_other_name_from_becoming_healthy(
    start_gateway: StartGateway, start_upstream: StartUpstream, name_server: NameServer
) -> None:
    """Four silent names took the four threads in which the event loop looks names up."""
    gateway = await with_names(start_gateway, name_server)
    name_server.silent = {f"silent-{n}.example" for n in range(8)}
    name_server.move_to("127.0.0.1")
    upstream = await start_upstream()
    for n, host in enumerate(sorted(name_server.silent)):
        await gateway.register("silent", upstream.port, f"i{n}", host=host, routable=False)
    await eventually(lambda: len(name_server.asked) == 8)

    await gateway.register("good", upstream.port, host="good.example")

    assert (await gateway.get("/api/good")).status == 200
