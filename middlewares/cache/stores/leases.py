"""Leases on what is asked of a service, so that of all gateways one asks."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from discovery.store.link import Link
from middlewares.cache.stores.reach import Reach
from middlewares.cache.stores.scripts import SCRIPTS

ANSWER_WITHIN_S: Final = 0.25
#: A lease lasts so long after its gateway was last heard of.
LEASE_MS: Final = 2000
RENEWED_AFTER_S: Final = 0.5
#: How often the registry is asked whether another one's lease has ended, at first and at last.
WATCHED_AFTER_S: Final = 0.01
MOST_WATCHED_AFTER_S: Final = 0.05
CALLS_TOGETHER: Final = 500

_FREE, _TAKEN, _TAKEN_AFTER_ANOTHER = 0, 1, 2


class Lead:
    """The right to ask a service for what is kept under a key; it must be released once.

    `look_again`: another gateway has just had it, so the answer may be kept by now.
    """

    def __init__(self, let_go: Callable[[], None], *, look_again: bool = False) -> None:
        self.look_again = look_again
        self._let_go: Callable[[], None] | None = let_go

    def release(self) -> None:
        """Let the others go on; what they shall find is kept before. Only the first call counts."""
        let_go, self._let_go = self._let_go, None
        if let_go is not None:
            let_go()


class Leases:
    """Takes, renews, releases and watches leases for one worker; one call is under way at a time."""

    def __init__(
        self,
        link: Link,
        prefix: str,
        *,
        reach: Reach,
        is_away: Callable[[], bool],
        clock_s: Callable[[], float],
    ) -> None:
        self._link = link
        self._prefix = prefix
        self._reach = reach
        #: Whether reads find Redis away. They wait for it once a second, so that nobody waits here too.
        self._is_away = is_away
        self._clock_s = clock_s
        self._token = secrets.token_hex(8)
        self._own: dict[str, float] = {}
        self._calls: dict[tuple[str, str], list[asyncio.Future[int | None]]] = {}
        self._some_wait = asyncio.Event()

    async def take(self, key: bytes) -> Lead | None:
        """The lead; None if another gateway has it. While Redis is away, everyone has it.

        Here its caller sees to it that one waits for the other, or knows that it is of no use.
        """
        name = self._prefix + key.hex()
        if name in self._own:
            return Lead(_let_nobody_go)
        self._own[name] = self._clock_s() + RENEWED_AFTER_S
        try:
            answer = await self._ask("take", name)
        except asyncio.CancelledError:
            self._release(name)
            raise
        if answer == _FREE:
            self._own.pop(name, None)
            return None
        return Lead(lambda: self._release(name), look_again=answer == _TAKEN_AFTER_ANOTHER)

    async def ended(self, key: bytes, within_s: float) -> bool:
        """Wait until nobody has the lease; False if that is not known in time."""
        until_s = self._clock_s() + within_s
        pause_s = WATCHED_AFTER_S
        name = self._prefix + key.hex()
        while True:
            answer = await self._ask("watch", name)
            if answer is None:
                return False
            if answer == _FREE:
                return True
            if self._clock_s() + pause_s >= until_s:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(MOST_WATCHED_AFTER_S, pause_s * 1.25)

    async def run(self) -> None:
        """Tell Redis what it must hear, until cancelled."""
        try:
            while True:
                await self._wait()
                await asyncio.sleep(0)
                self._renew()
                calls = {one: self._calls.pop(one) for one in list(self._calls)[:CALLS_TOGETHER]}
                if not self._calls:
                    self._some_wait.clear()
                if calls:
                    self._answer(calls, await self._call(list(calls)))
        finally:
            self._answer(self._calls, None)
            self._calls.clear()

    async def _wait(self) -> None:
        if not self._own:
            await self._some_wait.wait()
            return
        after_s = max(0.01, min(self._own.values()) - self._clock_s())
        handle = self._loop.call_later(after_s, self._some_wait.set)
        try:
            await self._some_wait.wait()
        finally:
            handle.cancel()

    async def _ask(self, word: str, name: str) -> int | None:
        """What the script answers; None while Redis is away."""
        if self._is_away() or not self._reach.may_ask:
            return None
        future: asyncio.Future[int | None] = self._loop.create_future()
        self._put(word, name, future)
        return await future

    def _put(self, word: str, name: str, *futures: asyncio.Future[int | None]) -> None:
        self._calls.setdefault((word, name), []).extend(futures)
        self._some_wait.set()

    def _renew(self) -> None:
        now_s = self._clock_s()
        for name, at_s in self._own.items():
            if at_s <= now_s:
                self._own[name] = now_s + RENEWED_AFTER_S
                self._put("take", name)

    def _release(self, name: str) -> None:
        self._own.pop(name, None)
        self._put("release", name)

    async def _call(self, calls: Sequence[tuple[str, str]]) -> Sequence[Any] | None:
        if self._is_away() or not self._reach.may_ask:
            return None
        names = [name for _, name in calls]
        args = [part for word, _ in calls for part in (word, self._token, LEASE_MS)]
        try:
            reply: Sequence[Any] = await self._link.run(
                SCRIPTS["leases"], names, args, within_s=ANSWER_WITHIN_S
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, everyone goes on alone
            self._reach.failed(error)
            return None
        self._reach.answered()
        return reply

    def _answer(
        self,
        calls: dict[tuple[str, str], list[asyncio.Future[int | None]]],
        reply: Sequence[Any] | None,
    ) -> None:
        for number, futures in enumerate(calls.values()):
            answer = None if reply is None else int(reply[number])
            for future in futures:
                if not future.done():
                    future.set_result(answer)

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()


def _let_nobody_go() -> None:
    """Release what another flight of this worker has."""
