"""A connection to the registry for calls that are made with every few requests."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from redis.exceptions import NoScriptError

from .clients import async_pool
from .failover import Elsewhere
from .wire_connections import connection_over_wire

#: After the time limit an answer may still be read in this many turns of the event loop.
LOOKS_AFTER_TIME = 5


class Script:
    """A Lua script; a server that has it loaded knows it by its SHA-1."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Link:
    """One connection, opened when it is needed; several calls may be under way on it.

    A command is sent once more only where a server says that another one has the registry. After any
    other error the command may have been done.
    """

    def __init__(self, url: str) -> None:
        self._pool = async_pool(url, blocking=True)
        self._connection = connection_over_wire(self._pool)
        self._connecting = asyncio.Lock()

    @property
    def connection(self) -> object:
        """What is another object for each connection that was opened; None before the first."""
        return self._connection.wire

    async def call(self, *command: str | bytes | int, within_s: float) -> Any:
        """The answer to a command.

        Raises redis-py's errors. Raises TimeoutError when the time is up, and closes the connection.
        """
        return await self._call(command, self._loop.time() + within_s)

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | bytes | int],
        *,
        within_s: float,
    ) -> Any:
        """Run a script, and load it first where the server does not have it; raises as `call` does."""
        until_s = self._loop.time() + within_s
        command = ("EVALSHA", script.sha, len(keys), *keys, *args)
        try:
            return await self._call(command, until_s)
        except NoScriptError:
            await self._call(("SCRIPT", "LOAD", script.source), until_s)
            return await self._call(command, until_s)

    async def close(self) -> None:
        await self._connection.disconnect()
        await self._pool.aclose()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Kept, because up to CPython 3.12 each get_running_loop is a system call.
        return asyncio.get_running_loop()

    async def _call(self, command: Sequence[str | bytes | int], until_s: float) -> Any:
        try:
            return await self._ask(command, until_s)
        except Elsewhere:
            return await self._ask(command, until_s)

    async def _ask(self, command: Sequence[str | bytes | int], until_s: float) -> Any:
        if self._connecting.locked() or not self._connection.is_connected:
            await self._connect(until_s)
        limit = _TimeLimit(self._loop, until_s, self._connection.wire.time_is_up)
        try:
            return await self._connection.ask(*command)
        finally:
            limit.cancel()

    async def _connect(self, until_s: float) -> None:
        async with asyncio.timeout(None) as timeout:
            limit = _TimeLimit(self._loop, until_s, lambda: timeout.reschedule(self._loop.time()))
            try:
                async with self._connecting:
                    await self._connection.connect()
            finally:
                limit.cancel()


class _TimeLimit:
    """Calls `expired` when the time is up, some turns of the event loop later.

    If this process was busy itself, an answer may be here that it has not read: it must not blame the
    server for that.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, until_s: float, expired: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._expired = expired
        self._handle: asyncio.Handle = loop.call_at(until_s, self._look, LOOKS_AFTER_TIME)

    def cancel(self) -> None:
        self._handle.cancel()

    def _look(self, turns_left: int) -> None:
        if turns_left:
            self._handle = self._loop.call_soon(self._look, turns_left - 1)
        else:
            self._expired()
