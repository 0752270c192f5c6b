"""The start of a gateway's process: the settings, the file and the sockets, then the master or the gateway itself.

What serves requests is imported only where this process does: a gateway with workers begins as a process that
becomes their master.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

import structlog

from discovery.model.errors import SettingsError
from gateway.config.near_names import near_names
from gateway.config.settings import GatewaySettings, load_settings
from gateway.config.variables import variable_defaults
from gateway.machine.collector import collector_paused
from gateway.machine.descriptors import raise_limit
from gateway.machine.shared_counts import shared_counts
from gateway.master.late_signals import ignore_late_signals
from gateway.master.launching import MASTER, command
from gateway.master.state import MasterState
from gateway.master.wire import MASTER_STATE
from gateway.process.passed_sockets import take_passed_sockets
from gateway.process.sockets import bind
from gateway.siblings.seat import COUNTS, Seat, seat_of_this_process
from gateway.siblings.siblings import Siblings
from gateway.version import VERSION
from gateway.worker.configuration.at_start import AtStart, read_at_start
from gateway.worker.configuration.reloading import ConfigurationRejected
from middlewares.programs.standard_streams import open_standard_streams
from middlewares.telemetry.logs import configure_logging

NOT_READ = "nothing reads this variable: set the one that is meant"
#: What the master calls the sockets, in the order of `bind`.
SOCKET_NAMES = ("public", "admin")
#: A worker that has not ended so long after its grace is killed.
ENDS_AFTER_GRACE_S = 10.0
EXIT_FAILURE = 1
EXIT_USAGE = 2

_log = structlog.get_logger()


def main() -> int:
    """Run the gateway in the foreground, and return the exit status."""
    open_standard_streams()
    try:
        return _begin()
    except SettingsError as error:  # also what only the settings and the file together tell
        print(f"lockgate: {error}", file=sys.stderr)  # noqa: T201
    except ConfigurationRejected as rejected:  # also where siblings have another file by now
        print(*rejected.mistakes, sep="\n", file=sys.stderr)  # noqa: T201
    return EXIT_USAGE


def _begin() -> int:
    """Go on as the master, or serve; returns the exit status. Raises SettingsError, ConfigurationRejected."""
    seat = seat_of_this_process()
    passed = take_passed_sockets(os.environ)
    passed.overrule(os.environ)
    settings = load_settings()
    with collector_paused():
        at_start = read_at_start(settings, {} if seat is None else seat.begin["kept"])
    raise_limit()
    try:
        sockets = bind(settings, passed) if seat is None else _inherited(seat)
    except OSError as error:
        print(f"lockgate: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILURE
    if seat is None and settings.gateway_workers > 1:
        try:
            become_master(settings, sockets)
        except OSError as error:
            print(f"lockgate: can't start the master of the workers: {error}", file=sys.stderr)  # noqa: T201
            return EXIT_FAILURE
    return _serve(settings, sockets, at_start, seat)


def _serve(
    settings: GatewaySettings,
    sockets: list[socket.socket],
    at_start: AtStart | None,
    seat: Seat | None,
) -> int:
    """Be the gateway, or one of its workers, until a signal stops it; returns and raises as `_begin`."""
    from gateway.front.reading import require_extension
    from gateway.process.serve import ListenError, serve

    logs = configure_logging(
        service="api_gateway",
        level=settings.log_level,
        style=settings.log_format,
        worker=None if seat is None else seat.begin["slot"],
    )
    if seat is None or seat.begin["slot"] == 0:
        warn_of_near_names(os.environ)
    try:
        require_extension()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(settings, sockets, at_start, seat=seat))
            runner.run(ignore_late_signals())
    except ListenError as error:
        print(f"lockgate: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILURE
    finally:
        logs.close()
    return 0


def warn_of_near_names(environ: Mapping[str, str]) -> None:
    for variable, meant in near_names(environ, variable_defaults()).items():
        _log.warning("settings.unknown_variable", variable=variable, meant=meant, detail=NOT_READ)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop if it is installed, since the gateway needs a third less CPU with it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _inherited(seat: Seat) -> list[socket.socket]:
    """The sockets that all workers share, in the order of `bind`."""
    found = (seat.listening(name) for name in SOCKET_NAMES)
    return [one for one in found if one is not None]


def become_master(settings: GatewaySettings, sockets: list[socket.socket]) -> NoReturn:
    """Go on as the master of the workers, which inherit the sockets; it imports nothing of the application."""
    descriptor = master_state(settings, sockets).to_descriptor()
    os.set_inheritable(descriptor, True)
    os.environ[MASTER_STATE] = str(descriptor)
    words = command(MASTER)
    os.execve(words[0], words, os.environ)  # noqa: S606


def master_state(settings: GatewaySettings, sockets: list[socket.socket]) -> MasterState:
    """What a master begins with; it inherits the descriptors."""
    for sock in sockets:
        sock.set_inheritable(True)
    return MasterState(
        sockets={name: sock.fileno() for name, sock in zip(SOCKET_NAMES, sockets, strict=False)}
        | _counts(settings.gateway_workers),
        workers=settings.gateway_workers,
        gateway=Siblings().gateway,
        log_format=settings.log_format,
        log_level=settings.log_level,
        start_line={
            "version": VERSION,
            "host": sockets[0].getsockname()[0],
            "port": sockets[0].getsockname()[1],
            "workers": settings.gateway_workers,
        },
        ready_within_s=settings.worker_ready_timeout,
        ends_within_s=max(settings.shutdown_grace, settings.tunnel_grace) + ENDS_AFTER_GRACE_S,
    )


def _counts(workers: int) -> dict[str, int]:
    """The descriptor by which workers see how many connections each of them has; none if the system has none."""
    descriptor = shared_counts(workers)
    if descriptor is None:
        return {}
    os.set_inheritable(descriptor, True)
    return {COUNTS: descriptor}
