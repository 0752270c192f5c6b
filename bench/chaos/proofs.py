"""Checks that a scenario broke something: one that broke nothing says nothing about a gateway."""

import os
import time
from pathlib import Path
from typing import Any

import psutil
import redis.asyncio

from bench.chaos.instance import CLOCK, CLOCK_STEP_S, HUNG_UP_SUFFIX, misbehaved
from bench.connection import Connection

MARK = "chaos-mark"


class NothingBroken(Exception):
    """The fault did not happen; the message says what was found instead."""


def stands_still(pid: int) -> None:
    """Raise NothingBroken unless the process is stopped at this moment."""
    status = psutil.Process(pid).status()
    if status != psutil.STATUS_STOPPED:
        raise NothingBroken(f"the process that was to hang was {status} at the end")


def misbehaves(folder: Path) -> None:
    """Raise NothingBroken if no request has met a fault."""
    if not misbehaved(folder):
        raise NothingBroken("no request has met the fault")


def hung_up(folder: Path) -> None:
    """Raise NothingBroken unless an instance has closed an idle connection."""
    if not any(os.path.getsize(log) for log in folder.glob(f"*{HUNG_UP_SUFFIX}")):
        raise NothingBroken("no instance has hung up")


async def clock_stepped_back(port: int) -> None:
    """Raise NothingBroken unless the instance's clock is behind by that step, to the minute."""
    connection = await Connection.open(port)
    try:
        _, said, _ = await connection.exchange("GET", f"/{CLOCK.decode()}")
    finally:
        connection.close()
    behind_s = time.time() - float(said)
    if abs(behind_s - CLOCK_STEP_S) > 60:
        raise NothingBroken(f"the clock is {behind_s:.0f} s behind, not {CLOCK_STEP_S:.0f}")


async def mark(port: int) -> None:
    """Put a key into a registry, for `forgot`."""
    async with redis.asyncio.Redis(port=port) as client:
        await client.set(MARK, "1")


async def forgot(port: int, *, expected: bool) -> None:
    """Raise NothingBroken if a marked registry kept what it was to lose, or lost it unexpectedly."""
    async with redis.asyncio.Redis(port=port) as client:
        kept = bool(await client.exists(MARK))
    if kept is expected:
        raise NothingBroken(f"the registry {'kept' if kept else 'lost'} its data")


def emptied(keys: int) -> None:
    """Raise NothingBroken if FLUSHALL found no keys."""
    if not keys:
        raise NothingBroken("there was nothing in the registry to flush")


async def promoted(sentinel_port: int, name: str, away_from: int) -> None:
    """Raise NothingBroken if the Sentinel names the same master as before."""
    async with redis.asyncio.Redis(port=sentinel_port, decode_responses=True) as client:
        master: Any = await client.sentinel_get_master_addr_by_name(name)
    if int(master[1]) == away_from:
        raise NothingBroken("the Sentinel has promoted nobody")
