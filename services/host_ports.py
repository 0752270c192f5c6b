"""Publishes services at ports of the host, whatever number of containers each of them has.

`python -m services.host_ports 8000:market_data_service 8002:price_service` listens at 8000 and 8002 and
passes each connection on to the same port of that name. A port of the host goes to one container
alone: a service that had one itself could not be scaled.
"""

import asyncio
import contextlib
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from functools import partial

import structlog

from discovery.model.errors import SettingsError
from middlewares.telemetry.logs import configure_logging
from services.base.settings import ServiceSettings, settings_from_environment

READ_BYTES = 65536
CONNECT_WITHIN_S = 5.0
EXIT_USAGE = 2

_log = structlog.get_logger()


def targets_of(arguments: Sequence[str]) -> list[tuple[int, str]]:
    """`PORT:NAME` each, as port and name; ValueError for anything else."""
    targets = []
    for argument in arguments:
        port, _, name = argument.partition(":")
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535 and name):
            raise ValueError(f"{argument!r}: must be PORT:NAME, as in 8002:price_service")
        targets.append((int(port), name))
    return targets


async def pass_on(
    name: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Join a connection with one to `port` of `name`; each end finishes by itself."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            there, to = await asyncio.open_connection(name, port)
    except OSError as error:  # TimeoutError is one
        _log.warning("port.unreachable", name=name, port=port, detail=str(error) or "timed out")
        _break_off(writer)
        return
    is_whole = False
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, to))
            tasks.create_task(_copy(there, writer))
        is_whole = True
    except* OSError:  # a container that is killed is no ConnectionError: there is no route to it
        pass
    finally:
        for end in (to, writer):
            if is_whole:
                end.close()
            else:  # both have to learn of it, at SIGTERM too
                _break_off(end)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
        await writer.drain()


def _break_off(writer: asyncio.StreamWriter) -> None:
    """End it by a reset: a FIN would say that all has been sent."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def serve(listen: str, targets: Sequence[tuple[int, str]]) -> None:
    """Forward until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as open_servers:
        for port, name in targets:
            server = await asyncio.start_server(partial(pass_on, name, port), listen, port)
            open_servers.callback(server.close)
        _log.info("ports.open", targets=[f"{port}:{name}" for port, name in targets])
        await stop.wait()


def main(arguments: Sequence[str]) -> int:
    """The exit status; what is wrong is said in one line on standard error."""
    try:
        targets = targets_of(arguments)
        settings = settings_from_environment(ServiceSettings)
    except (ValueError, SettingsError) as error:
        return _refuse(str(error), EXIT_USAGE)
    logs = configure_logging(
        service="host_ports", level=settings.log_level, style=settings.log_format
    )
    try:
        asyncio.run(serve(settings.service_host, targets))
    except OSError as error:
        return _refuse(f"can't listen on {settings.service_host}: {error.strerror}", 1)
    finally:
        logs.close()
    return 0


def _refuse(line: str, status: int) -> int:
    sys.stderr.write(f"host_ports: {line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
