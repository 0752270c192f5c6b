"""redis-py's connections over a `Wire`: redis-py's streams cost three times as much for each call.

Everything but the bytes stays with redis-py and with `async_pools`: the settings of a URL, TLS, the
login, and how the server is found.
"""

import asyncio
import socket
from collections import deque
from typing import Any

import hiredis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from .async_pools import (
    FindsMaster,
    FollowsMoved,
    MasterConnection,
    NodeConnection,
    TlsMasterConnection,
    TlsNodeConnection,
)
from .wire import Wire


class OverWire:
    """Replaces what a connection of redis-py does with its streams."""

    wire: Wire | None = None
    _answers: deque[asyncio.Future[Any]]

    @property
    def is_connected(self) -> bool:
        return self.wire is not None and not self.wire.is_lost

    async def ask(self, *command: Any) -> Any:
        """The answer to a command of strings, bytes and numbers; raises redis-py's errors."""
        assert self.wire is not None
        self._answers.append(self.wire.send(hiredis.pack_command(command)))
        return await self.read_response()

    async def connect_check_health(
        self: Any, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        if self.is_connected:
            return
        await self.disconnect()
        self.wire = Wire()
        try:
            async with asyncio.timeout(self.socket_connect_timeout):
                await _dial(self, self.wire)
            await self.on_connect_check_health(check_health)
        except (OSError, UnicodeError) as error:
            await self.disconnect()
            reason = str(error) or "no answer in time"
            raise RedisConnectionError(f"can't connect to {_address(self)}: {reason}") from error
        except BaseException:
            await self.disconnect()
            raise

    async def send_command(self: Any, *args: Any, **_: Any) -> None:
        self._answers.append(self.wire.send(b"".join(self.pack_command(*args))))

    async def read_response(self, *_: Any, **__: Any) -> Any:
        return await self._answers.popleft()

    async def disconnect(self, *_: Any, **__: Any) -> None:
        wire, self.wire, self._answers = self.wire, None, deque()
        if wire is not None:
            wire.close(RedisConnectionError("the connection was closed"))
            await wire.wait_closed()


async def _dial(to: Any, wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    if isinstance(to, UnixDomainSocketConnection):
        await loop.create_unix_connection(lambda: wire, to.path)
        return
    tls = to.ssl_context.get() if isinstance(to, SSLConnection) else None
    transport, _ = await loop.create_connection(lambda: wire, to.host, to.port, ssl=tls)
    if to.socket_keepalive:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in to.socket_keepalive_options.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _address(of: Any) -> str:
    if isinstance(of, UnixDomainSocketConnection):
        return str(of.path)
    return f"{of.host}:{of.port}"


class _Tcp(OverWire, Connection):
    pass


class _Tls(OverWire, SSLConnection):
    pass


class _Unix(OverWire, UnixDomainSocketConnection):
    pass


class _Master(FindsMaster, OverWire, Connection):
    pass


class _TlsMaster(FindsMaster, OverWire, SSLConnection):
    pass


class _Node(FollowsMoved, OverWire, Connection):
    pass


class _TlsNode(FollowsMoved, OverWire, SSLConnection):
    pass


OVER_WIRE: dict[type[AbstractConnection], type[OverWire]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
    MasterConnection: _Master,
    TlsMasterConnection: _TlsMaster,
    NodeConnection: _Node,
    TlsNodeConnection: _TlsNode,
}


def connection_over_wire(pool: ConnectionPool) -> Any:
    """A connection with the settings of a pool; it is the caller's and not the pool's."""
    # In RESP2 each answer belongs to a command; in RESP3 a server may send other messages between.
    return OVER_WIRE[pool.connection_class](**{**pool.connection_kwargs, "protocol": 2})
