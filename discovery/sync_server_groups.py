"""Connections that find their server when they connect: Sentinel's master, a cluster's right node."""

from collections.abc import Mapping
from typing import Any

from redis.client import Redis
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import MovedError, ReadOnlyError

from discovery.cluster_nodes import ClusterNodes, nodes_of
from discovery.master_asking import NO_ANSWER, check_role, no_longer_master, unknown_master
from discovery.server_groups import Address, ServerGroup


def pool(
    group: ServerGroup, options: Mapping[str, Any], asking: Mapping[str, Any]
) -> ConnectionPool:
    """A pool for the group; `options` are a connection's, `asking` those of one to a sentinel."""
    options = {**options, **group.options}
    if group.kind == "cluster":
        return ConnectionPool(
            connection_class=_TlsNodeConnection if group.tls else _NodeConnection,
            nodes=nodes_of(group.nodes),
            **options,
        )
    asking = {**asking, **group.sentinel_options, "ssl": group.tls}
    return _MasterPool(
        connection_class=_TlsMasterConnection if group.tls else _MasterConnection,
        sentinels=_Sentinels(group, asking),
        **options,
    )


class _Sentinels:
    """The sentinels of one client, and what they say."""

    def __init__(self, group: ServerGroup, asking: Mapping[str, Any]) -> None:
        self._name = group.master
        self._clients = [Redis(host, port, **asking) for host, port in group.nodes]

    def master(self) -> Address:
        """The first answer; a sentinel that gives none is asked last from then on.

        So who has little time and gives up does not wait for the same silent sentinel again.
        """
        silent: list[str] = []
        for client in self._clients:
            try:
                address: Any = client.sentinel_get_master_addr_by_name(self._name)
            except BaseException as error:
                self._clients = [*(one for one in self._clients if one is not client), client]
                if not isinstance(error, NO_ANSWER):
                    raise
                silent.append(str(error))
                continue
            if address is not None:
                return address[0], address[1]
        raise unknown_master(self._name, silent)

    def close(self) -> None:
        for client in self._clients:
            client.close()


class _MasterPool(ConnectionPool):
    def __init__(self, *, sentinels: _Sentinels, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(sentinels=sentinels, **options)

    def disconnect(self, inuse_connections: bool = True) -> None:
        super().disconnect(inuse_connections)
        if inuse_connections:
            self._sentinels.close()


class _FindsMaster:
    """Asks the sentinels at each connect, and the server itself: what they say may be outdated.

    A replica would be read from in silence.
    """

    def __init__(self, *, sentinels: _Sentinels, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if not self.is_connected:
            self.host, self.port = self._sentinels.master()
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


class _MasterConnection(_FindsMaster, Connection):
    pass


class _TlsMasterConnection(_FindsMaster, SSLConnection):
    pass


class _FollowsMoved:
    """Connects to the node that has the registry's slot; another node tells which, by MOVED."""

    def __init__(self, *, nodes: ClusterNodes, **options: Any) -> None:
        self._nodes = nodes
        super().__init__(**options)

    def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if self.is_connected:
            return
        for last in self._nodes.tries():
            self.host, self.port = address = self._nodes.current
            try:
                super().connect_check_health(check_health, False)  # type: ignore[misc]
            except BaseException as error:
                self._nodes.failed(address)
                if last or not isinstance(error, NO_ANSWER):
                    raise
            else:
                return

    def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except MovedError as told:
            self.disconnect()
            raise self._nodes.elsewhere(told, self.host) from told


class _NodeConnection(_FollowsMoved, Connection):
    pass


class _TlsNodeConnection(_FollowsMoved, SSLConnection):
    pass
