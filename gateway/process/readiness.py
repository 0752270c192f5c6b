"""Tells the master when this worker is ready: it listens, has answered itself, and has a view."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from discovery.base.tasks import end
from gateway.front.server import GatewayRunner
from gateway.process.own_request import Taken, answers_itself
from gateway.worker.worker import Gateway

NO_VIEW = "it has no view of the registry yet"

_log = structlog.get_logger()


@asynccontextmanager
async def telling_readiness(
    gateway: Gateway, runner: GatewayRunner, public: socket.socket
) -> AsyncIterator[None]:
    """Tell it in the background; a gateway of one process has nobody to tell."""
    if gateway.siblings.alone:
        yield
        return
    task = asyncio.create_task(_tell(gateway, runner, public))
    try:
        yield
    finally:
        await end(task)


async def _tell(gateway: Gateway, runner: GatewayRunner, public: socket.socket) -> None:
    siblings, member = gateway.siblings, gateway.member
    try:
        siblings.waits_for("it has not answered a request of its own yet")
        await answers_itself(public, _OwnServer(gateway, runner), siblings.waits_for)
        siblings.waits_for("" if member.is_ready else NO_VIEW)
        siblings.ready(view=member.is_ready)
        if gateway.together is not None:
            await gateway.together.joined()
        if not member.is_ready:
            await member.ready()
            siblings.ready(view=True)
    except Exception:  # noqa: BLE001 - the master ends this worker in time, with the reason
        _log.exception("worker.not_ready")
        siblings.waits_for("an error that its log has as worker.not_ready")


class _OwnServer(Taken):
    """What this worker's own server has accepted."""

    def __init__(self, gateway: Gateway, runner: GatewayRunner) -> None:
        self._tls = gateway.tls
        self._lifecycle = gateway.lifecycle
        self._server = runner.gateway_server

    @property
    def speaks_tls(self) -> bool:
        return self._tls is not None and self._tls.in_force

    @property
    def refuses_handshakes(self) -> bool:
        if self._tls is None or not self.speaks_tls:
            return False
        certificates = self._tls.certificates
        return certificates.requires_clients or certificates.context_for(None) is None

    def clients(self) -> set[Any]:
        names = (client.peername for client in self._server.clients())
        return {name[:2] for name in names if isinstance(name, tuple)}

    def connecting(self) -> set[Any]:
        return self._tls.handshakes.names() if self._tls is not None and self.speaks_tls else set()

    def asks_itself_from(self, name: Any) -> None:
        self._lifecycle.asks_itself_from = name
