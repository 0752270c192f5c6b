"""`announced()`: what `announce()` does, for programs of any framework, from a thread."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..model.settings import RegistrySettings
from .announcement import Announcement, make_announcement
from .stop_signals import drain_before_handlers


@contextmanager
def announced(
    *,
    name: str,
    port: int,
    host: str | None = None,
    health_path: str | None = "/health",
    metadata: Mapping[str, Any] | None = None,
    version: str | None = None,
    weight: int = 1,
    instance_id: str | None = None,
    settings: RegistrySettings | None = None,
    health_host: str | None = None,
) -> Iterator[Announcement]:
    """Keep the program registered as an instance of `name` inside the block.

    The arguments are those of `announce()`. At SIGTERM or SIGINT the program drains first, and the
    signal goes to the earlier handler only then, so that the server answers until nothing new comes.
    This works in the main thread, after the server has set its handlers: with uvicorn in the lifespan,
    with a server that sets no handlers around its call. At the end of the block it deregisters. Raises
    InvalidRegistration.
    >>> with announced(name="orders_service", port=9000) as announcement:
    ...     announcement.registered  # nothing listens there yet
    False
    """
    announcement = make_announcement(
        name=name,
        port=port,
        host=host,
        health_path=health_path,
        metadata=metadata,
        version=version,
        weight=weight,
        instance_id=instance_id,
        settings=settings,
        health_host=health_host,
    )
    process = os.getpid()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop,), name="lockgate-announced", daemon=True)
    thread.start()
    loop.call_soon_threadsafe(announcement.start)
    try:
        with drain_before_handlers(
            lambda: asyncio.run_coroutine_threadsafe(announcement.drain(), loop)
        ):
            yield announcement
    finally:
        if os.getpid() == process:  # a forked child must not deregister its parent
            asyncio.run_coroutine_threadsafe(announcement.withdraw(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:  # cancels what is left when it ends
        runner.get_loop().run_forever()
