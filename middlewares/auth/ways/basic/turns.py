"""Runs slow work in threads: a few pieces at a time, with clients taking turns."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from middlewares.auth.ways.basic.fair_queue import FairQueue

T = TypeVar("T")

#: How many pieces of work a worker does at a time: the other threads and cores serve requests.
AT_A_TIME: Final = 2
MOST_WAITING: Final = 512
MOST_WAITING_EACH: Final = 16
PATIENCE_S: Final = 10.0


class NoTurn(Exception):
    """Too much work waits already, or it has waited too long."""


class Turns:
    """A bounded number of threads, and a bounded queue in front of them."""

    def __init__(self, at_a_time: int = AT_A_TIME, patience_s: float = PATIENCE_S) -> None:
        self._free = at_a_time
        self._patience_s = patience_s
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(MOST_WAITING, MOST_WAITING_EACH)

    async def run(self, client: str, work: Callable[[], T]) -> T:
        """Do the work of a client in a thread, once it is its turn. Raises NoTurn.

        A thread can't be interrupted: if the client leaves meanwhile, its place is free only once the
        work is done, so that there are never more threads than there may be.
        """
        await self._turn(client)
        try:
            working = asyncio.get_running_loop().run_in_executor(None, work)
        except RuntimeError:  # the program is ending
            self._pass_on()
            raise
        working.add_done_callback(self._done)
        return await asyncio.shield(working)

    async def _turn(self, client: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        if not self._queue.put(client, turn):
            raise NoTurn("too many passwords wait to be checked")
        try:
            async with asyncio.timeout(self._patience_s):
                await self._given(turn)
        except TimeoutError:
            raise NoTurn("the password was not checked in time") from None
        finally:
            self._queue.remove(client, turn)

    async def _given(self, turn: asyncio.Future[None]) -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given at this very moment, and nobody takes it
                self._pass_on()
            raise

    def _done(self, working: asyncio.Future[T]) -> None:
        if not working.cancelled():
            working.exception()  # told to whoever still waits
        self._pass_on()

    def _pass_on(self) -> None:
        while (turn := self._queue.pop()) is not None:
            if not turn.done():  # else its client has left
                turn.set_result(None)
                return
        self._free += 1
