"""Stops a gateway: clients are told, and requests in flight finish."""

import asyncio
import time
from collections.abc import Callable

from gateway.front.connection import GatewayRequestHandler
from gateway.front.server import GatewayRunner, GatewayServer
from gateway.worker.worker import Gateway

#: The time for the last bytes of a tunnel that was ended.
ENDS_WITHIN_S = 1.0


async def drain(gateway: Gateway, runner: GatewayRunner) -> None:
    """Tell clients with every answer to leave, until no connection is left or the time is up.

    For the first half of SHUTDOWN_GRACE, new connections are still taken: a client that has not
    noticed yet is served and told. Then the sockets close, and requests in flight have the other
    half. Tunnels and event streams go on until TUNNEL_GRACE ends.
    """
    gateway.lifecycle.stopping = True
    began_s = time.monotonic()
    grace_s, tunnel_grace_s = gateway.settings.shutdown_grace, gateway.settings.tunnel_grace
    server = runner.gateway_server
    tls = gateway.tls

    def is_quiet() -> bool:
        connecting = tls.handshakes_under_way if tls is not None else 0
        return not connecting and not _ordinary(server)

    await _until(is_quiet, began_s + grace_s / 2)
    for site in list(runner.sites):
        await site.stop()
    await _until(is_quiet, began_s + grace_s)
    await server.end(_ordinary(server))
    await _until(lambda: not server.clients(), began_s + tunnel_grace_s)
    await server.end(server.clients())
    await _until(lambda: not server.clients(), time.monotonic() + ENDS_WITHIN_S)


def _ordinary(server: GatewayServer) -> list[GatewayRequestHandler]:
    return [client for client in server.clients() if not client.is_long_lived]


async def _until(done: Callable[[], bool], until_s: float) -> None:
    # aiohttp has no signal for the end of a connection.
    while not done() and time.monotonic() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
