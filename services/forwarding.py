"""Passes connections at host ports on to services; each end finishes by itself."""

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import Sequence
from functools import partial

import structlog

from middlewares.telemetry.logs import configure_logging
from services.base.runner import ListenError
from services.base.settings import ServiceSettings, settings_from_environment

READ_BYTES = 65536
CONNECT_WITHIN_S = 5.0

#: A host port, and the name of the service behind it.
Target = tuple[int, str]

_log = structlog.get_logger()


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
    except* OSError:  # not only ConnectionError: there is no route to a killed container
        pass
    finally:
        for end in (to, writer):
            if is_whole:
                end.close()
            else:  # both ends must learn of it, at SIGTERM too
                _break_off(end)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
        await writer.drain()


def _break_off(writer: asyncio.StreamWriter) -> None:
    """End it with a reset: a FIN would say that everything has been sent."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def serve(listen: str, targets: Sequence[Target]) -> None:
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


def run(targets: Sequence[Target]) -> None:
    """Forward until stopped; SettingsError, or ListenError where a port is not available."""
    settings = settings_from_environment(ServiceSettings)
    logs = configure_logging(
        service="host_ports", level=settings.log_level, style=settings.log_format
    )
    try:
        asyncio.run(serve(settings.service_host, targets))
    except OSError as error:
        raise ListenError(f"can't listen on {settings.service_host}: {error.strerror}") from None
    finally:
        logs.close()
