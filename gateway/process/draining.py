"""How a gateway stops: clients are told, and what is under way is finished."""

import asyncio
import time
from collections.abc import Callable

from gateway.front.connection import GatewayRequestHandler
from gateway.front.server import GatewayRunner, GatewayServer
from gateway.worker.worker import Gateway

#: Time for the last bytes of a tunnel that was ended.
ENDS_WITHIN_S = 1.0


async def drain(gateway: Gateway, runner: GatewayRunner) -> None:
    """Say goodbye with every answer until no connection is left, or the time is up.

    For the first half of SHUTDOWN_GRACE, new connections are still taken: whoever has not noticed
    yet is served and told. Then the sockets close, and requests under way have the other half.
    Tunnels and event streams are left alone until TUNNEL_GRACE ends.
    """
    gateway.lifecycle.stopping = True
    began_s = time.monotonic()
    grace_s, tunnel_grace_s = gateway.settings.shutdown_grace, gateway.settings.tunnel_grace
    server = runner.gateway_server
    await _until(lambda: not _ordinary(server), began_s + grace_s / 2)
    for site in list(runner.sites):
        await site.stop()
    await _until(lambda: not _ordinary(server), began_s + grace_s)
    await server.end(_ordinary(server))
    await _until(lambda: not server.clients(), began_s + tunnel_grace_s)
    await server.end(server.clients())
    await _until(lambda: not server.clients(), time.monotonic() + ENDS_WITHIN_S)


def _ordinary(server: GatewayServer) -> list[GatewayRequestHandler]:
    return [client for client in server.clients() if not client.is_long_lived]


async def _until(done: Callable[[], bool], until_s: float) -> None:
    # aiohttp tells nobody when a connection ends.
    while not done() and time.monotonic() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
