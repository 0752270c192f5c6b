"""The HTTP server of the application: aiohttp's, with our connections and our way to stop."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from gateway.front.accepting import Accepting
from gateway.front.answering import KEEPALIVE_TIMEOUT_S
from gateway.front.client_room import ClientRoom
from gateway.front.connection import GatewayRequestHandler
from gateway.front.plain_heads import PlainRequests
from gateway.front.proxied_resource import ProxiedResource
from gateway.front.refusing import Refuse, outer_layers, refusing
from gateway.front.straight import proxied_first
from gateway.front.tls.factory import Front, by_tls
from gateway.machine.descriptors import Descriptors
from gateway.machine.shared_counts import SharedCounts
from middlewares.telemetry.metrics import GatewayMetrics

#: Replaces KEEPALIVE_TIMEOUT_S for a surplus client.
SURPLUS_IDLE_S = 1.0
SWEEP_EVERY_S = 1.0
#: The most fields of a request; their bytes are limited too, but each field costs more than its bytes.
MAX_FIELDS = 256


class GatewayServer(web.Server):
    """aiohttp's server, but a stop closes no connection that a client may be using."""

    def __init__(
        self, *args: Any, refuse: Refuse, room: ClientRoom, plain: PlainRequests, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._plain = plain
        self._refuse = refuse
        self._room = room
        #: How many clients are connected.
        self.connected = 0
        #: Called after `connected` has changed.
        self.connected_changed: Callable[[], None] | None = None
        self._sweep = self._loop.call_later(SWEEP_EVERY_S, self._end_idle)

    def _end_idle(self) -> None:
        """End idle connections by one timer for all; a timer for each costs more than the connection's state."""
        self._sweep = self._loop.call_later(SWEEP_EVERY_S, self._end_idle)
        now_s = self._loop.time()
        for client in self.clients():
            idle_s = SURPLUS_IDLE_S if client.is_surplus else KEEPALIVE_TIMEOUT_S
            client.end_if_idle_since(now_s - idle_s)

    async def shutdown(self, timeout: float | None = None) -> None:
        self._sweep.cancel()
        await super().shutdown(timeout)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.connected += 1
        if self.connected_changed is not None:
            self.connected_changed()

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        super().connection_lost(handler, exc)
        self.connected -= 1
        if self.connected_changed is not None:
            self.connected_changed()

    def pre_shutdown(self) -> None:
        """Close nothing: idle clients get `Connection: close` with their next answer."""

    def clients(self) -> list[GatewayRequestHandler]:
        """The open client connections."""
        return [one for one in self.connections if isinstance(one, GatewayRequestHandler)]

    def states(self) -> Counter[str]:
        """How many connections are in each state, including states with 0."""
        counts = Counter({"idle": 0, "active": 0, "stream": 0})
        counts.update(client.state for client in self.clients())
        return counts

    async def end(self, clients: Iterable[GatewayRequestHandler]) -> None:
        """End these connections now."""
        await asyncio.gather(*(client.end() for client in clients))

    def __call__(self) -> GatewayRequestHandler:
        return GatewayRequestHandler(
            self,
            loop=self._loop,
            refuse=self._refuse,
            room=self._room,
            plain=self._plain,
            **self._kwargs,
        )


class FrontSite(web.SockSite):
    """A public port that speaks TLS or plain HTTP, as what is in force says when a client connects."""

    def __init__(
        self, runner: "GatewayRunner", sock: socket.socket, backlog: int, tls: Front
    ) -> None:
        super().__init__(runner, sock, backlog=backlog)
        self._front = runner
        self._listening = sock
        self._waiting = backlog
        self._tls = tls

    async def start(self) -> None:
        await web.BaseSite.start(self)
        self._server = await asyncio.get_running_loop().create_server(
            by_tls(self._front.gateway_server, self._tls),
            sock=self._listening,
            backlog=self._waiting,
        )


class SharedSite(web.SockSite):
    """A public port that several workers take connections from, each its share."""

    def __init__(
        self,
        runner: "GatewayRunner",
        sock: socket.socket,
        counts: SharedCounts,
        tls: Front | None = None,
    ) -> None:
        super().__init__(runner, sock)
        self._front = runner
        self._listening = sock
        self._counts = counts
        self._tls = tls
        self._accepting: Accepting | None = None

    @property
    def under_way(self) -> int:
        """How many connections were taken that nothing answers yet."""
        return 0 if self._accepting is None else self._accepting.under_way

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._front.gateway_server
        factory: Callable[[], Any] = server if self._tls is None else by_tls(server, self._tls)
        self._accepting = Accepting(
            self._listening, factory, self._counts, lambda: server.connected
        )
        server.connected_changed = self._accepting.changed

    async def stop(self) -> None:
        """Take no more connections, and return when those that were taken are answered by somebody."""
        if self._accepting is not None:
            self._accepting.close()
            await self._accepting.wait_closed()
        await super().stop()


class GatewayRunner(web.AppRunner):
    """Runs the application on a GatewayServer."""

    __slots__ = ("_descriptors", "_metrics", "_plain", "gateway_server")

    def __init__(
        self,
        app: web.Application,
        *,
        metrics: GatewayMetrics,
        descriptors: Descriptors,
        plain: PlainRequests,
        head_bytes: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            keepalive_timeout=0,  # aiohttp's is a timer for each connection
            max_line_size=head_bytes,
            max_field_size=head_bytes,
            max_headers=MAX_FIELDS,
            **kwargs,
        )
        self._metrics = metrics
        self._descriptors = descriptors
        self._plain = plain

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        proxied = next(
            one for one in self.app.router.resources() if isinstance(one, ProxiedResource)
        )
        self.gateway_server = GatewayServer(
            proxied_first(self.app, proxied, made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            refuse=refusing(outer_layers(self.app)),
            room=ClientRoom(self._descriptors, proxied.covers),
            plain=self._plain,
            **made._kwargs,
        )
        self._metrics.client_connections = self.gateway_server.states
        return self.gateway_server
