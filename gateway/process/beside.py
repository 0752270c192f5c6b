"""What a worker does at its start without taking CPU from siblings that serve requests."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from gateway.machine.collector import collector_paused

#: The modules that a gateway needs, in an order in which each adds its part.
MODULES = (
    "asyncio",
    "pydantic_settings",
    "structlog",
    "aiohttp",
    "redis.asyncio",
    "prometheus_client",
    "gateway.config.settings",
    "discovery.view.overlay",
    "gateway.pipeline",
    "gateway.app",
    "gateway.process.serve",
)
#: Of the CPU that others want, this leaves about nine parts in ten to them.
NICE = 10
#: After so long it goes on as others do: on cores that are never idle it would not get ready.
WITHIN_S = 2.0


def import_beside(modules: Sequence[str] = MODULES, *, within_s: float = WITHIN_S) -> None:
    """Import modules in a thread of low priority, and leave what it has not begun in time to the caller.

    On Linux a priority is a thread's, so no privilege is needed to have the old one again, as it would
    be for the process. What can't be imported is left to the caller too, who meets the error.
    """
    enough = threading.Event()
    thread = threading.Thread(target=_import, args=(modules, enough), name="imports", daemon=True)
    with collector_paused():
        thread.start()
        thread.join(within_s)
        enough.set()


def _import(modules: Sequence[str], enough: threading.Event) -> None:
    own = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, own, max(NICE, os.getpriority(os.PRIO_PROCESS, own)))
    for name in modules:
        if enough.is_set():
            return
        try:
            import_module(name)
        except BaseException:  # noqa: BLE001 - even SystemExit is for the caller to meet
            return
