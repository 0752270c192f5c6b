"""The private parts of redis-py that discovery uses: an incompatible release fails here first."""

import asyncio
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import redis.asyncio.client
import redis.asyncio.connection
import redis.client
import redis.connection

from discovery.store import async_pools, sync_pools

#: Methods that the connections of `sync_pools` and `async_pools` override, with redis-py's parameters.
OF_CONNECTIONS = {
    "connect_check_health": ["self", "check_health", "retry_socket_connect"],
    "on_connect_check_health": ["self", "check_health"],
    "read_response": None,  # passed on unchanged
}
OF_POOLS = {"disconnect": ["self", "inuse_connections"]}
#: Attributes that they call or set.
USED_OF_CONNECTIONS = ("disconnect", "send_command", "is_connected", "host", "port")
USED_OF_CLIENTS = ("auto_close_connection_pool", "connection_pool")
#: Attributes that they add, which redis-py must not have.
ADDED_TO_CONNECTIONS = ("_sentinels", "_nodes")
ADDED_TO_POOLS = ("_sentinels", "sentinels")

KINDS = [
    pytest.param(
        SimpleNamespace(connection=redis.connection, client=redis.client, ours=sync_pools),
        id="sync",
    ),
    pytest.param(
        SimpleNamespace(
            connection=redis.asyncio.connection, client=redis.asyncio.client, ours=async_pools
        ),
        id="async",
    ),
]
every_kind: Callable[[Any], Any] = pytest.mark.parametrize("kind", KINDS)


def overridden(ours: type, theirs: type) -> set[str]:
    methods = {name for name, value in vars(ours).items() if inspect.isfunction(value)}
    return {name for name in methods - {"__init__"} if hasattr(theirs, name)}


def parameters(theirs: type, name: str) -> list[str]:
    return list(inspect.signature(getattr(theirs, name)).parameters)


@every_kind
def test_what_is_overridden_is_listed_here(kind: SimpleNamespace) -> None:
    theirs = kind.connection.Connection
    found = overridden(kind.ours._FindsMaster, theirs) | overridden(kind.ours._FollowsMoved, theirs)
    assert found == set(OF_CONNECTIONS)
    assert overridden(kind.ours._MasterPool, kind.connection.ConnectionPool) == set(OF_POOLS)


@every_kind
def test_what_is_overridden_takes_what_it_took(kind: SimpleNamespace) -> None:
    for theirs in (kind.connection.Connection, kind.connection.SSLConnection):
        for name, taken in OF_CONNECTIONS.items():
            assert taken is None or parameters(theirs, name) == taken, name
    for name, taken in OF_POOLS.items():
        assert parameters(kind.connection.ConnectionPool, name) == taken, name


@every_kind
def test_what_is_used_is_there_and_what_is_added_is_not(kind: SimpleNamespace) -> None:
    connection, pool = kind.connection.Connection(), kind.connection.ConnectionPool()
    client = kind.client.Redis()
    assert [name for name in USED_OF_CONNECTIONS if not hasattr(connection, name)] == []
    assert [name for name in USED_OF_CLIENTS if not hasattr(client, name)] == []
    assert [name for name in ADDED_TO_CONNECTIONS if hasattr(connection, name)] == []
    assert [name for name in ADDED_TO_POOLS if hasattr(pool, name)] == []


@every_kind
async def test_a_connection_connects_by_what_is_overridden(kind: SimpleNamespace) -> None:
    class Noting(kind.connection.Connection):  # type: ignore[misc, name-defined]
        def connect_check_health(self, check_health: bool, retry_socket_connect: bool) -> Any:
            noted.append((check_health, retry_socket_connect))
            return None if kind.ours is sync_pools else asyncio.sleep(0)

    noted: list[tuple[bool, bool]] = []
    done = Noting().connect()
    if inspect.isawaitable(done):
        await done
    assert noted == [(True, False)]
