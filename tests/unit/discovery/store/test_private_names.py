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
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    DefaultParser,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import MovedError

from discovery.store import async_pools, sync_pools, wire_connections

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
#: Methods of asyncio's connections that `wire_connections` overrides; they take any parameters.
OVER_WIRE = {"connect_check_health", "disconnect", "read_response", "send_command"}
#: What it uses of the connections of each kind.
USED_OVER_WIRE = {
    Connection: ("host", "port", "socket_keepalive", "socket_keepalive_options"),
    SSLConnection: ("host", "port", "ssl_context"),
    UnixDomainSocketConnection: ("path",),
    AbstractConnection: (
        *("connect", "on_connect_check_health", "pack_command", "socket_connect_timeout"),
        *("is_connected", "protocol"),
    ),
}
#: Attributes that they add, which redis-py must not have.
ADDED_TO_CONNECTIONS = ("_sentinels", "_nodes", "wire", "ask", "_answers")
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
    found = overridden(kind.ours.FindsMaster, theirs) | overridden(kind.ours.FollowsMoved, theirs)
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


def test_what_a_wire_replaces_and_uses_is_listed_here() -> None:
    assert overridden(wire_connections.OverWire, AbstractConnection) == OVER_WIRE
    assert isinstance(vars(AbstractConnection)["is_connected"], property)
    for kind in (Connection, SSLConnection, UnixDomainSocketConnection):
        one = kind()
        used = (*USED_OVER_WIRE[kind], *USED_OVER_WIRE[AbstractConnection])
        assert [name for name in used if not hasattr(one, name)] == []
        assert kind(protocol=2).protocol == 2


def test_errors_of_the_server_are_parsed_by_what_connections_parse_them_by() -> None:
    moved = DefaultParser.parse_error("MOVED 5 h:1")
    assert isinstance(moved, MovedError)
    assert (moved.host, moved.port) == ("h", 1)


@pytest.mark.parametrize("kind", [Connection, SSLConnection, UnixDomainSocketConnection])
async def test_a_login_goes_through_what_a_wire_replaces(kind: Any) -> None:
    """All of its commands and answers, and nothing else."""

    class Noting(kind):  # type: ignore[misc]
        async def send_command(self, *command: Any, **_: Any) -> None:
            sent.append(command[:2])

        async def read_response(self) -> Any:
            return b"OK"

    sent: list[tuple[Any, ...]] = []
    await Noting(protocol=2, username="u", password="p", db=1, client_name="n").on_connect()
    assert [command[0] for command in sent] == ["AUTH", "CLIENT", "CLIENT", "CLIENT", "SELECT"]
