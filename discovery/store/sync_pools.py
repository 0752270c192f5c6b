"""Connections that find their server at each connect: Sentinel's master, a cluster's right node."""

from collections.abc import Mapping
from typing import Any

from redis.client import Redis
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import MovedError, ReadOnlyError

from ..model.registry_url import ServerGroup
from .cluster import ClusterNodes, nodes_of
from .sentinel import MasterSearch, Sentinels, check_role, no_longer_master


def pool(
    group: ServerGroup, options: Mapping[str, Any], asking: Mapping[str, Any]
) -> ConnectionPool:
    """A pool for the group; `options` are for a connection, `asking` for one to a sentinel."""
    options = {**options, **group.options}
    if group.kind == "cluster":
        return ConnectionPool(
            connection_class=TlsNodeConnection if group.tls else NodeConnection,
            nodes=nodes_of(group.nodes),
            **options,
        )
    asking = {**asking, **group.sentinel_options, "ssl": group.tls}
    clients = [Redis(host=host, port=port, **asking) for host, port in group.nodes]
    return _MasterPool(
        connection_class=TlsMasterConnection if group.tls else MasterConnection,
        sentinels=Sentinels(group.master, clients),
        **options,
    )


def asked_by(pool: ConnectionPool) -> list[Redis]:
    """The clients of the sentinels that a pool asks."""
    return pool.sentinels.clients if isinstance(pool, _MasterPool) else []


class _MasterPool(ConnectionPool):
    def __init__(self, *, sentinels: Sentinels[Redis], **options: Any) -> None:
        self.sentinels = sentinels
        super().__init__(sentinels=sentinels, **options)

    def disconnect(self, inuse_connections: bool = True) -> None:
        super().disconnect(inuse_connections)
        if inuse_connections:
            for client in self.sentinels.clients:
                client.close()


class FindsMaster:
    """Asks the sentinels for the master at each connect, and asks that server for its role.

    The sentinels may be behind, and a replica would answer reads with old data and no error.
    """

    def __init__(self, *, sentinels: Sentinels[Redis], **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if not self.is_connected:
            search = MasterSearch(self._sentinels)
            for turn in search.turns():
                with turn as client:
                    search.told(client.sentinel_get_master_addr_by_name(self._sentinels.name))
            self.host, self.port = search.master
            super().connect_check_health(check_health, False)  # type: ignore[misc]

    def on_connect_check_health(self: Any, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command("ROLE")
        check_role(self.read_response())

    def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ReadOnlyError as error:
            self.disconnect()
            raise no_longer_master() from error


class MasterConnection(FindsMaster, Connection):
    pass


class TlsMasterConnection(FindsMaster, SSLConnection):
    pass


class FollowsMoved:
    """Connects to the node that has the registry's slot; other nodes name it in a MOVED error."""

    def __init__(self, *, nodes: ClusterNodes, **options: Any) -> None:
        self._nodes = nodes
        super().__init__(**options)

    def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if self.is_connected:
            return
        for turn in self._nodes.turns():
            with turn as (self.host, self.port):
                super().connect_check_health(check_health, False)  # type: ignore[misc]

    def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except MovedError as told:
            self.disconnect()
            raise self._nodes.elsewhere(told, self.host) from told


class NodeConnection(FollowsMoved, Connection):
    pass


class TlsNodeConnection(FollowsMoved, SSLConnection):
    pass
