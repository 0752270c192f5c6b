"""Ends workers that hang, do not get ready, or do not end."""

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.master.deciding.patience import why_to_end
from gateway.master.worker import STOPPING

if TYPE_CHECKING:
    from gateway.master.master import Master

LOOK_EVERY_S = 1.0


async def watch(master: "Master") -> None:
    """Look at all workers every second; never returns."""
    looked_s = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now_s = time.monotonic()
        look(master, now_s - looked_s)
        looked_s = now_s


def look(master: "Master", since_look_s: float) -> None:
    """Look at all workers once; the look before was `since_look_s` ago."""
    for worker in list(master.workers):
        worker.waited.looked(since_look_s, stopping=worker.state == STOPPING)
        worker.channel.drain()  # what it has said and nobody has read counts
        why = worker.channel.broken or why_to_end(worker.seen(master.ends_within_s))
        if why and not worker.why_ended:
            worker.kill(why)
