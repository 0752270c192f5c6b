"""The connections of `sync_pools`, for asyncio."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio.client import Redis
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection
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


class _MasterPool(ConnectionPool):
    def __init__(self, *, sentinels: Sentinels[Redis], **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(sentinels=sentinels, **options)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for client in self._sentinels.clients:
                await client.aclose()


class FindsMaster:
    """Asks the sentinels for the master at each connect, and asks that server for its role.

    The sentinels may be behind, and a replica would answer reads with old data and no error.
    """

    def __init__(self, *, sentinels: Sentinels[Redis], **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    async def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if not self.is_connected:
            search = MasterSearch(self._sentinels)
            for turn in search.turns():
                with turn as client:
                    search.told(await client.sentinel_get_master_addr_by_name(self._sentinels.name))
            self.host, self.port = search.master
            await super().connect_check_health(check_health, False)  # type: ignore[misc]

    async def on_connect_check_health(self: Any, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)  # type: ignore[misc]
        await self.send_command("ROLE")
        check_role(await self.read_response())

    async def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ReadOnlyError as error:
            await self.disconnect()
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

    async def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if self.is_connected:
            return
        for turn in self._nodes.turns():
            with turn as (self.host, self.port):
                await super().connect_check_health(check_health, False)  # type: ignore[misc]

    async def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except MovedError as told:
            await self.disconnect()
            raise self._nodes.elsewhere(told, self.host) from told


class NodeConnection(FollowsMoved, Connection):
    pass


class TlsNodeConnection(FollowsMoved, SSLConnection):
    pass
