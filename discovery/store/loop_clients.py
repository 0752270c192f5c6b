"""One client of the registry for each event loop, since connections belong to their loop."""

import asyncio
from collections.abc import AsyncGenerator

from .clients import connect_async
from .scripts import Scripts

_Life = AsyncGenerator[Scripts, None]


class LoopClients:
    """Connects in each loop that asks, and closes its connections when the loop ends.

    It learns of a loop's end as asyncio tells asynchronous generators: `asyncio.run` and
    `asyncio.Runner` do so, and everyone who calls `loop.shutdown_asyncgens()`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: dict[asyncio.AbstractEventLoop, tuple[_Life, Scripts]] = {}

    async def scripts(self) -> Scripts:
        """The scripts of the client of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            self._forget_closed()
            life = self._live(loop)
            self._open[loop] = life, await anext(life)
        return self._open[loop][1]

    async def close(self) -> None:
        """Close the connections of the running loop."""
        if there := self._open.get(asyncio.get_running_loop()):
            await there[0].aclose()

    async def _live(self, loop: asyncio.AbstractEventLoop) -> _Life:
        client = connect_async(self._url)
        try:
            yield Scripts(client)
        finally:
            self._open.pop(loop, None)
            await client.aclose()

    def _forget_closed(self) -> None:
        """Forget loops that were closed without telling their generators."""
        # From a copy: other threads' loops come and go meanwhile.
        for loop in [loop for loop in list(self._open) if loop.is_closed()]:
            self._open.pop(loop, None)
