"""Which connections the client keeps when an instance registers again."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from discovery.view.view import Entry, View
from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.limits import UpstreamLimits
from middlewares.failures import UpstreamUnreachable
from tests.support.byte_connections import ANY
from tests.unit.gateway.upstream.test_pool import INSTANCE, SlowDialer, use


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    dialer = SlowDialer()
    yield UpstreamClient(dialer, UpstreamLimits())
    for sock in dialer.sockets:
        sock.close()


async def idle_connection(client: UpstreamClient) -> UpstreamConnection:
    pool = client.pool(INSTANCE)
    connection = await pool.open(deadlines=ANY)
    use(connection)
    pool.give_back(connection)
    return connection


async def test_another_health_check_keeps_the_idle_connections(client: UpstreamClient) -> None:
    """The client once made a new pool, and each connection was opened again."""
    connection = await idle_connection(client)
    again = replace(INSTANCE, metadata={"health.statuses": "200-299"}, health_check_url="/up")

    pool = client.pool(again)

    assert pool.take_idle() is connection
    assert pool.instance is again, "doubts about an instance are about its latest registration"


@pytest.mark.parametrize("moved", [{"host": "10.0.0.10"}, {"port": 8003}, {"scheme": "https"}])
async def test_an_instance_that_has_moved_is_connected_to_anew(
    client: UpstreamClient, moved: dict[str, object]
) -> None:
    connection = await idle_connection(client)

    assert client.pool(replace(INSTANCE, **moved)).take_idle() is None

    assert not connection.is_open


async def test_an_instance_that_goes_to_another_service_keeps_its_connections(
    client: UpstreamClient,
) -> None:
    connection = await idle_connection(client)
    before, after = client.pool(INSTANCE), replace(INSTANCE, name="orders")
    gone = View(services={"orders": {after.key: Entry(after, 0)}})

    client.instance_moved(INSTANCE.key, after)
    client.view_changed(View(), gone, None)

    pool = client.pool(after)
    assert pool is before
    assert pool.take_idle() is connection
    assert client.connections() == {("orders", "active"): 1, ("orders", "idle"): 0}


async def test_nothing_new_goes_to_where_an_instance_was_before_it_moved(
    client: UpstreamClient,
) -> None:
    after = replace(INSTANCE, name="orders")
    client.view_changed(View(), View(services={"orders": {after.key: Entry(after, 0)}}), None)
    with pytest.raises(UpstreamUnreachable):
        client.pool(INSTANCE)


async def test_latencies_are_compared_among_those_that_now_have_the_name(
    client: UpstreamClient,
) -> None:
    other = replace(INSTANCE, id="other")
    client.pool(INSTANCE)
    old = client.pool(other).latency.siblings

    moved = replace(INSTANCE, name="orders")
    client.instance_moved(INSTANCE.key, moved)

    new = client.pool(replace(moved, id="new"))
    assert client.pool(moved).latency in new.latency.siblings.latencies
    assert old.latencies == [client.pool(other).latency]
