"""Waits until a service takes connections: before that it must get no requests."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable

from ..base.logs import Log
from ..model.instance import Instance
from ..model.words import Words

POLL_S = 0.02
#: How often to look for another port within that time; two looks that agree are reported.
LOOKS = 10
LEAST_BETWEEN_LOOKS_S = 0.1

_log = Log()


async def listens(host: str, port: int) -> bool:
    """Whether the port takes connections."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False


async def wait_until_listening(
    instance: Instance,
    within_s: float,
    elsewhere: Callable[[], Awaitable[str]],
    words: Words,
) -> None:
    """Wait however long it takes; after `within_s`, warn once that it may never listen.

    `elsewhere` returns where the service listens instead; that is logged as soon as it is sure.
    """
    began_s = time.monotonic()
    late_s = began_s + within_s
    between_s = max(within_s / LOOKS, LEAST_BETWEEN_LOOKS_S)
    look_s, seen = began_s + between_s, ""
    while not await _takes_connections(instance):
        if time.monotonic() >= late_s:
            late_s = math.inf
            _say(instance, _late(instance, within_s, words))
        if time.monotonic() >= look_s:
            before, seen = seen, await elsewhere()
            look_s = time.monotonic() + between_s
            if seen and seen == before:
                look_s = late_s = math.inf
                _say(instance, seen)
        await asyncio.sleep(POLL_S)


async def _takes_connections(instance: Instance) -> bool:
    """Try the registered host, then localhost: the host may be a name that only others know."""
    return await listens(instance.host, instance.port) or await listens("localhost", instance.port)


def _late(instance: Instance, within_s: float, words: Words) -> str:
    return (
        f"nothing takes connections on port {instance.port} after {within_s:g} s; it is registered "
        f"as soon as something does: is that the port that the server listens on ({words.port})?"
    )


def _say(instance: Instance, text: str) -> None:
    _log.warning("announce.not_listening", text=text, instance=instance.id, port=instance.port)
