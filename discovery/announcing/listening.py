"""Waits for a service to take connections: nobody shall be sent there before."""

import asyncio
import contextlib
import math
import time

from ..base.logs import Log
from ..model.instance import Instance

POLL_S = 0.02

_log = Log()


async def listens(host: str, port: int) -> bool:
    """The port takes connections."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False


async def wait_until_listening(instance: Instance, within_s: float) -> None:
    """However long that takes; what takes longer than `within_s` may never do, and is said once."""
    late_s = time.monotonic() + within_s
    while not await _takes_connections(instance):
        if time.monotonic() >= late_s:
            late_s = math.inf
            _say_late(instance, within_s)
        await asyncio.sleep(POLL_S)


async def _takes_connections(instance: Instance) -> bool:
    """What others call this host may mean nothing on it."""
    return await listens(instance.host, instance.port) or await listens("localhost", instance.port)


def _say_late(instance: Instance, within_s: float) -> None:
    text = (
        f"nothing takes connections on port {instance.port} after {within_s:g} s; it is registered "
        "as soon as something does: is port=… (--port) the one that the server listens on?"
    )
    _log.warning("announce.not_listening", text=text, instance=instance.id, port=instance.port)
