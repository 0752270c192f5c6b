"""Clients that connect, ask for the slot, and note how that went."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from discovery.base.tasks import end

PATIENCE_S = 8.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One connection: when it began, how long it took, and what went wrong, if anything."""

    began_s: float
    took_s: float
    lost: str | None


async def open_one(port: int) -> tuple[int, asyncio.StreamWriter]:
    """The slot of the worker that took the connection, and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"?")
        return int(await reader.readexactly(1)), writer
    except BaseException:
        writer.transport.abort()
        raise


async def connect(port: int) -> Seen:
    began_s = time.monotonic()
    lost = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await open_one(port)
            writer.close()
    except ConnectionRefusedError:
        lost = "refused"
    except TimeoutError:
        lost = "timed out"
    except (OSError, asyncio.IncompleteReadError):
        lost = "reset"
    return Seen(began_s, time.monotonic() - began_s, lost)


@asynccontextmanager
async def connecting(port: int, per_s: float) -> AsyncIterator[list[Seen]]:
    """New connections at this rate while the block runs; all are over at its end."""
    seen: list[Seen] = []
    under_way: set[asyncio.Task[Seen]] = set()

    def done(task: asyncio.Task[Seen]) -> None:
        under_way.discard(task)
        seen.append(task.result())

    async def keep_on() -> None:
        due_s = time.monotonic()
        while True:
            task = asyncio.create_task(connect(port))
            under_way.add(task)
            task.add_done_callback(done)
            due_s += 1 / per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    keeping_on = asyncio.create_task(keep_on())
    try:
        yield seen
    finally:
        await end(keeping_on)
        while under_way:
            await asyncio.wait(under_way)
