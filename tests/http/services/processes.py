"""Runs services as separate processes."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable

import orjson

#: The environment must not change what is tested; no registry listens at port 1.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

Start = Callable[..., Awaitable[Process]]


async def start_service(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", *arguments,
        stdout=PIPE, stderr=PIPE, env={**ENVIRONMENT, **environment},
    )  # fmt: skip


async def logged(process: Process, event: str) -> dict[str, object]:
    """The next log line of the event."""
    assert process.stdout is not None
    async for line in process.stdout:
        entry: dict[str, object] = orjson.loads(line)
        if entry["event"] == event:
            return entry
    raise AssertionError(f"ended without {event}")
