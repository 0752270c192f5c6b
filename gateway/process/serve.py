"""What serves: it waits for a view, takes connections, and stops without losing a request."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from discovery.model.addresses import AddressPolicy, listeners
from gateway.app import create_app, create_runner
from gateway.config.settings import GatewaySettings
from gateway.config.urls import own_url
from gateway.front.server import FrontSite, GatewayRunner, SharedSite
from gateway.machine.bind_failures import reason
from gateway.machine.collector import spare_the_collector
from gateway.machine.interpreter import is_compiled
from gateway.machine.shared_counts import SharedCounts
from gateway.master.launching import OF_THE_MASTER
from gateway.process.draining import drain
from gateway.process.readiness import NO_VIEW as WAITS_FOR_VIEW
from gateway.process.readiness import telling_readiness
from gateway.process.sockets import PUBLIC_ADDRESS
from gateway.process.stop_signals import StopSignals
from gateway.process.supervised import Supervised
from gateway.siblings.seat import Seat
from gateway.siblings.siblings import Siblings
from gateway.version import VERSION
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.reloading import Configuration, ConfigurationRejected, Reloaded
from gateway.worker.front_tls import FrontTls
from gateway.worker.worker import GATEWAY, Gateway
from middlewares.ports import Listener

#: Waiting for a view pays: a client that connects before it would only get an error.
VIEW_WITHIN_S = 2.0
#: As with the view, for the certificates that ACME has got before; siblings are asked after the registry.
CERTIFICATES_WITHIN_S = 4.0
NO_VIEW = "/ready and /api answer 503 until the registry answers: is it running at REDIS_URL?"
NO_VIEW_BUT_FIXED = "until the registry answers, only services with fixed addresses are routed to"

_log = structlog.get_logger()


class ListenError(Exception):
    """Another program listens on an address that could still be bound a moment ago."""


async def serve(
    settings: GatewaySettings,
    sockets: list[socket.socket],
    at_start: AtStart | None = None,
    on_started: Callable[[], None] = lambda: None,
    seat: Seat | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish requests in flight within SHUTDOWN_GRACE.

    A SIGINT after that ends it at once. `on_started` is called when it takes connections.
    """
    stop = StopSignals()
    stop.take()
    loop = asyncio.get_running_loop()
    siblings = Siblings(seat)
    supervised = Supervised(os.environ)
    app = create_app(settings, at_start, siblings)
    gateway = app[GATEWAY]
    if siblings.alone:
        # By default these signals would end the process.
        loop.add_signal_handler(signal.SIGUSR2, _log.warning, "signal.ignored")
        reloads = Reloads(gateway.configuration, supervised)
        loop.add_signal_handler(signal.SIGHUP, _hang_up, stop, reloads)
    else:
        for number in OF_THE_MASTER:
            loop.add_signal_handler(number, _nothing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_MASTER)
        stop.at_once = siblings.at_once
    siblings.open()
    deserted = asyncio.create_task(_stop_when_deserted(siblings, stop))
    gateway.dialer.policy = AddressPolicy(
        settings.allowed_hosts,
        listeners(sock.getsockname()[:2] for sock in sockets if sock.family != socket.AF_UNIX),
    )
    for sock in sockets[:1]:  # the public one
        port = sock.getsockname()[1]
        gateway.member.url = own_url(
            settings.gateway_url, settings.gateway_host, port, gateway.scheme
        )
    gateway.admin_listener = Listener(sockets[1]) if len(sockets) > 1 else None
    runner = create_runner(app)
    await runner.setup()
    try:
        siblings.waits_for(WAITS_FOR_VIEW)
        if await _unless(stop.asked, _prepared(gateway)):
            if not gateway.member.is_ready:
                detail = NO_VIEW if gateway.overlay.routed is None else NO_VIEW_BUT_FIXED
                _log.warning("gateway.no_view", detail=detail)
            if gateway.together is not None and (mistakes := await gateway.together.agree()):
                raise ConfigurationRejected(mistakes)
            counts = None if seat is None else seat.counts
            await listen(runner, sockets, gateway.descriptors.backlog, gateway.tls, counts)
            host, port = sockets[0].getsockname()[:2]
            spare_the_collector()
            _log.info(
                "gateway.started" if siblings.alone else "worker.listening",
                version=VERSION,
                host=host,
                port=port,
                max_descriptors=gateway.descriptors.most,
                compiled=is_compiled(),
            )
            on_started()
            supervised.ready(f"serving on {host}:{port}")
            async with telling_readiness(gateway, runner, sockets[0]):
                await stop.asked.wait()
            supervised.stopping()
            event = "gateway.stopping" if siblings.alone else "worker.draining"
            _log.info(event, grace_s=settings.shutdown_grace)
            await _unless(stop.at_once, drain(gateway, runner, sockets))
    finally:
        supervised.close()
        deserted.cancel()
        await runner.cleanup()
        if gateway.scrapes is not None:
            await gateway.scrapes.last()
        siblings.close()
    if siblings.alone:
        _log.info("gateway.stopped")


async def _prepared(gateway: Gateway) -> None:
    """Wait for what the first clients need, as long as that pays."""
    await gateway.member.ready(VIEW_WITHIN_S)
    if gateway.own_certificates is not None:
        await gateway.own_certificates.have_looked(CERTIFICATES_WITHIN_S)


def _nothing() -> None:
    """The handler of a signal that is for the master."""


async def _stop_when_deserted(siblings: Siblings, stop: StopSignals) -> None:
    await siblings.deserted.wait()
    _log.error("master.gone", detail="this worker finishes what is in flight, and ends")
    stop.asked.set()


class Reloads:
    """Reloads the configuration file at SIGHUP; without a file the signal is ignored."""

    def __init__(self, configuration: Configuration[Any] | None, supervised: Supervised) -> None:
        self._configuration = configuration
        self._supervised = supervised
        self._under_way: set[asyncio.Task[Reloaded]] = set()

    def begin(self) -> None:
        self._supervised.reloading()
        if self._configuration is None:
            _log.warning("signal.ignored", detail="GATEWAY_CONFIG names no file to reload")
            self._supervised.reloaded("there is no configuration file to reload")
            return
        task = asyncio.create_task(self._reload(self._configuration))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _reload(self, configuration: Configuration[Any]) -> Reloaded:
        reloaded = await configuration.reload("SIGHUP")
        self._supervised.reloaded(
            " ".join((f"reload: {reloaded.result.value}", *reloaded.mistakes[:1]))
        )
        return reloaded


def _hang_up(stop: StopSignals, reloads: Reloads) -> None:
    if not stop.terminal_has_gone():
        reloads.begin()


async def listen(
    runner: GatewayRunner,
    sockets: list[socket.socket],
    backlog: int,
    tls: FrontTls | None = None,
    counts: SharedCounts | None = None,
) -> None:
    """Start to take connections; TLS is spoken on the public socket alone, which is the first.

    With `counts`, the workers share the public connections evenly.
    """
    if tls is not None:
        try:
            await tls.listen()
        except OSError as error:
            raise ListenError(f"can't listen for tls.redirect_from: {error.strerror}") from None
    public = sockets[0]
    for sock, variable in zip(sockets, (PUBLIC_ADDRESS, "ADMIN_LISTEN"), strict=False):
        try:
            sock.listen(backlog)  # uvloop would only log that another program listens there
            if sock is public and counts is not None:
                await SharedSite(runner, sock, counts, tls).start()
            elif sock is public and tls is not None:
                await FrontSite(runner, sock, backlog, tls).start()
            else:
                await web.SockSite(runner, sock, backlog=backlog).start()
        except OSError as error:
            where = sock.getsockname()
            why = reason(error, where[1]) if sock.family != socket.AF_UNIX else error.strerror
            raise ListenError(f"can't listen on {where} ({variable}): {why}") from None


async def _unless(stop: asyncio.Event, ready: Awaitable[None]) -> bool:
    """Wait for one of the two; True if it is `ready`."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(ready)]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
        return not stop.is_set()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
