"""The same for asyncio: connections that find their server when they connect."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError
from redis.exceptions import TimeoutError as RedisTimeoutError

from discovery.cluster_nodes import ClusterNodes, nodes_of
from discovery.server_groups import ServerGroup

_NO_ANSWER = (RedisConnectionError, RedisTimeoutError)


def pool(
    group: ServerGroup, options: Mapping[str, Any], asking: Mapping[str, Any]
) -> ConnectionPool:
    """A pool for the group; `options` are a connection's, `asking` those of one to a sentinel."""
    options = {**options, **group.options}
    if group.kind == "cluster":
        return ConnectionPool(
            connection_class=_TlsClusterConnection if group.tls else _ClusterConnection,
            nodes=nodes_of(group.nodes),
            **options,
        )
    asking = {**asking, **group.sentinel_options, "ssl": group.tls}
    sentinels = _Sentinels(list(group.nodes), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    connection_class = _TlsMasterConnection if group.tls else _MasterConnection
    return _MasterPool(  # type: ignore[no-untyped-call]
        group.master, sentinels, connection_class=connection_class, **options
    )


class _Sentinels(Sentinel):
    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """The first answer; a sentinel that gives none is asked last from then on.

        So who has little time and gives up does not wait for the same silent sentinel again.
        """
        silent: list[str] = []
        for sentinel in self.sentinels:
            try:
                masters: Any = await sentinel.sentinel_masters()
            except BaseException as error:
                others = [one for one in self.sentinels if one is not sentinel]
                self.sentinels = [*others, sentinel]
                if not isinstance(error, _NO_ANSWER):
                    raise
                silent.append(str(error))
                continue
            state = masters.get(service_name)
            if state and self.check_master_state(state, service_name):
                return state["ip"], state["port"]
        why = f": {'; '.join(silent)}" if silent else ""
        raise MasterNotFoundError(f"no sentinel knows a master named {service_name!r}{why}")


class _MasterPool(SentinelConnectionPool):
    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


class _ChecksRole:
    """A sentinel may name a server that is a master no more; a replica would be followed in silence."""

    async def on_connect_check_health(self: Any, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)  # type: ignore[misc]
        await self.send_command("ROLE")
        if (await self.read_response())[0] not in (b"master", "master"):
            raise RedisConnectionError("the server is a replica; a failover is under way")


class _MasterConnection(_ChecksRole, SentinelManagedConnection):
    pass


class _TlsMasterConnection(_ChecksRole, SentinelManagedSSLConnection):
    pass


class _FollowsMoved:
    """Connects to the node that has the registry's slot; it is known from a node's MOVED."""

    def __init__(self, *, nodes: ClusterNodes, **options: Any) -> None:
        self._nodes = nodes
        super().__init__(**options)

    async def connect(self: Any) -> None:
        for last in self._nodes.tries():
            self.host, self.port = self._nodes.current
            try:
                await super().connect()  # type: ignore[misc]
            except BaseException as error:
                self._nodes.failed((self.host, self.port))
                if last or not isinstance(error, _NO_ANSWER):
                    raise
            else:
                return

    async def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except MovedError as moved:
            self._nodes.moved(moved, self.host)
            await self.disconnect()
            raise RedisConnectionError(f"the registry is at another node: {moved}") from moved


class _ClusterConnection(_FollowsMoved, Connection):
    pass


class _TlsClusterConnection(_FollowsMoved, SSLConnection):
    pass
