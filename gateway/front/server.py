"""The HTTP server of the application: aiohttp's, with our connections and our way to stop."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from gateway.front.answering import KEEPALIVE_TIMEOUT_S
from gateway.front.client_room import ClientRoom
from gateway.front.connection import GatewayRequestHandler
from gateway.front.plain_heads import PlainRequests
from gateway.front.proxied_resource import ProxiedResource
from gateway.front.refusing import Refuse, outer_layers, refusing
from gateway.front.straight import proxied_first
from gateway.front.tls.factory import Front, by_tls
from gateway.machine.descriptors import Descriptors
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
