"""Keepers of certificates with a plain listener of their own, which answers challenges as the gateway does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from discovery.model.settings import RegistrySettings
from gateway.acme.deciding.backoff import Backoff
from gateway.acme.deciding.state import Certificate
from gateway.acme.keeper import Keeper, OfSiblings, Pace
from gateway.acme.spec import AcmeSpec

QUICK = Pace(look_s=0.05, lease_s=2.0, backoff=Backoff(first_s=0.2, factor=2.0, most_s=2.0))


class RunningKeeper:
    """A keeper that runs, and what it has served and proved; `port` answers challenges."""

    def __init__(
        self,
        registry_url: str,
        name: str,
        *,
        file: Path | None,
        of_siblings: OfSiblings | None,
        pace: Pace,
    ) -> None:
        self.served: dict[str, Certificate | None] = {}
        self.proved: dict[str, Certificate | None] = {}
        self.asked: list[str] = []
        self.keeper = Keeper(
            RegistrySettings(redis_url=registry_url),
            worker=name,
            serve=self.served.__setitem__,
            prove=self.proved.__setitem__,
            file=file,
            of_siblings=of_siblings,
            pace=pace,
        )
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        registry_url: str,
        name: str,
        spec: AcmeSpec,
        *,
        ports: Sequence[int] = (),
        file: Path | None = None,
        of_siblings: OfSiblings | None = None,
        pace: Pace = QUICK,
    ) -> Self:
        """Start one; it answers challenges on these ports."""
        made = cls(registry_url, name, file=file, of_siblings=of_siblings, pace=pace)
        await made.listen(ports)
        made.keeper.take(spec)
        made.begin()
        return made

    def begin(self) -> None:
        """Begin its work, or begin it anew."""
        self._task = asyncio.create_task(self.keeper.run())

    async def listen(self, ports: Sequence[int], answer: Handler | None = None) -> None:
        """Answer challenges on these ports, or have `answer` do it."""
        app = web.Application()
        app.router.add_get("/.well-known/acme-challenge/{token}", answer or self.answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        for port in ports:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()

    async def kill(self) -> None:
        """Stop it without a word, as far as a task can."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def stop(self) -> None:
        await self.kill()
        if self._runner is not None:
            await self._runner.cleanup()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a challenge."""
        token = request.match_info["token"]
        self.asked.append(token)
        answer = await self.keeper.answer(token)
        return web.Response(text=answer) if answer is not None else web.Response(status=404)
