"""Waits for something to become true, with a deadline instead of a sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(look: Callable[[], Awaitable[T]], *, within_s: float = 15.0) -> T: ...
@overload
async def eventually(look: Callable[[], T], *, within_s: float = 15.0) -> T: ...
async def eventually(look: Callable[[], Any], *, within_s: float = 15.0) -> Any:
    """Call `look` until it returns something true, and return that; AssertionErrors count as false."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            found = look()
            result = await found if inspect.isawaitable(found) else found
            if result or time.monotonic() > deadline_s:
                assert result, f"not within {within_s} s: {result!r}"
                return result
        except AssertionError:
            if time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(0.01)
