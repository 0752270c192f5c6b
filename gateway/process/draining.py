"""Stops a worker: clients are told, and requests in flight finish."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence

from gateway.front.connection import GatewayRequestHandler
from gateway.front.server import GatewayRunner, GatewayServer
from gateway.worker.worker import Gateway

#: The time for the last bytes of a tunnel that was ended.
ENDS_WITHIN_S = 1.0
#: In so many turns of the loop each connection that was accepted has its transport.
_TURNS = 4


async def drain(
    gateway: Gateway, runner: GatewayRunner, sockets: Sequence[socket.socket] = ()
) -> None:
    """Tell clients with every answer to leave, until no connection is left or the time is up.

    For the first half of SHUTDOWN_GRACE, new connections are still taken: a client that has not
    noticed yet is served and told. Then the sockets close, and requests in flight have the other
    half. A worker that was replaced takes none, since its siblings do; nor does one whose master is
    gone, since another gateway can't begin before the port is free. Tunnels and event streams go on
    until TUNNEL_GRACE ends.
    """
    lifecycle, siblings = gateway.lifecycle, gateway.siblings
    lifecycle.replaced = siblings.replaced
    lifecycle.stopping = True
    began_s = time.monotonic()
    grace_s, tunnel_grace_s = gateway.settings.shutdown_grace, gateway.settings.tunnel_grace
    server = runner.gateway_server
    tls = gateway.tls

    def is_quiet() -> bool:
        connecting = tls.handshakes_under_way + tls.redirected_under_way if tls is not None else 0
        return not connecting and not _ordinary(server)

    def takes_none() -> bool:
        return siblings.replaced or siblings.deserted.is_set() or is_quiet()

    await _until(takes_none, began_s + grace_s / 2)
    lifecycle.replaced = siblings.replaced
    await _stop_accepting(runner, sockets)
    if tls is not None:
        await tls.stop_accepting()
    await _turns()  # what uvloop has accepted last is a client from here on
    await _until(is_quiet, began_s + grace_s)
    await server.end(_ordinary(server))
    await _until(lambda: not server.clients(), began_s + tunnel_grace_s)
    await server.end(server.clients())
    await _until(lambda: not server.clients(), time.monotonic() + ENDS_WITHIN_S)


async def _stop_accepting(runner: GatewayRunner, sockets: Sequence[socket.socket]) -> None:
    """Close this process's listening sockets; what it has accepted is served.

    A connection's transport is made a little later than it is accepted. asyncio drops it where the
    server has closed meanwhile, so it stops to accept first. uvloop accepts until the server closes,
    and keeps what it has. What nobody has accepted yet stays in the kernel's queue, from which siblings
    take it.
    """
    loop = asyncio.get_running_loop()
    for sock in sockets:
        if sock.fileno() >= 0:
            loop.remove_reader(sock.fileno())
    await _turns()
    for site in list(runner.sites):
        await site.stop()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def _ordinary(server: GatewayServer) -> list[GatewayRequestHandler]:
    return [client for client in server.clients() if not client.is_long_lived]


async def _until(done: Callable[[], bool], until_s: float) -> None:
    # aiohttp has no signal for the end of a connection.
    while not done() and time.monotonic() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
