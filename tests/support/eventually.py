"""Waiting for something to become true, with a deadline instead of a sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], T | Awaitable[T]], *, within_s: float = 5.0) -> T:
    """Call `look` until it gives something true, and return that; AssertionErrors count as false."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            found = look()
            result: T = await found if inspect.isawaitable(found) else found  # type: ignore[assignment]
            if result or time.monotonic() > deadline_s:
                assert result, f"not within {within_s} s: {result!r}"
                return result
        except AssertionError:
            if time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(0.01)
