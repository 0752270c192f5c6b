"""Clients that connect and send nothing until a gateway has no descriptors left; and watchers of that."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.connection import Connection, Ended
from discovery.base.tasks import end

#: This many connect at once, and this often: 80 a second.
AT_ONCE = 4
TOPPED_UP_EACH_S = 0.05
ASKED_EACH_S = 0.1
ANSWERS_WITHIN_S = 5.0


@asynccontextmanager
async def idle_clients(port: int, count: int) -> AsyncIterator[None]:
    """Keep this many connected while the block runs: a client that is sent away is replaced."""
    crowd: list[Connection] = []

    async def top_up() -> None:
        while True:
            for one in [one for one in crowd if one.reader.at_eof()]:
                one.close()
                crowd.remove(one)
            for _ in range(min(AT_ONCE, count - len(crowd))):
                with suppress(OSError):
                    crowd.append(await Connection.open(port))
            await asyncio.sleep(TOPPED_UP_EACH_S)

    task = asyncio.create_task(top_up())
    try:
        yield
    finally:
        await end(task)
        await asyncio.gather(*(one.end() for one in crowd))


async def ask_anew(port: int, path: str) -> tuple[int, bytes] | None:
    """Status and body of the answer to a new client, None if there is none in time."""
    with suppress(OSError, Ended, TimeoutError):
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            connection = await Connection.open(port)
            try:
                status, body, _ = await connection.exchange("GET", path)
            finally:
                connection.close()
            return status, body
    return None


async def refuses_clients(port: int, path: str, within_s: float) -> bool:
    """Whether a new client is refused for lack of room within this time."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        answer = await ask_anew(port, path)
        if answer is not None and answer[0] == 503 and b'"overloaded"' in answer[1]:
            return True
        await asyncio.sleep(TOPPED_UP_EACH_S)
    return False


@asynccontextmanager
async def health_asked(port: int) -> AsyncIterator[list[str]]:
    """Ask a gateway for its health by new clients, again and again; collects the wrong answers."""
    wrong: list[str] = []

    async def ask() -> None:
        for number in itertools.count(1):
            answer = await ask_anew(port, "/health")
            if answer is None or answer[0] != 200:
                said = "nothing" if answer is None else str(answer[0])
                wrong.append(f"the {number}. /health of the gateway was answered by {said}")
            await asyncio.sleep(ASKED_EACH_S)

    task = asyncio.create_task(ask())
    try:
        yield wrong
    finally:
        await end(task)


def blamed(output: Path) -> list[str]:
    """What a gateway's log says against instances."""
    found = []
    for line in output.read_text("utf-8", "replace").splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if event["event"] == "instance.removed" or event.get("to") in (
                "suspected",
                "unhealthy",
            ):
                found.append(f"{event['instance']} was blamed: {event.get('evidence', 'removed')}")
    return found
