"""Follows what the registry says of an instance registered here, and logs each change once."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from ..base.logs import Log
from ..model.errors import DiscoveryError
from ..model.instance import Instance
from ..model.settings import without_password
from ..model.words import PYTHON, Words
from .notices import Notice, notice_of, notice_of_loss
from .registrar import Registrar

#: A first verdict mostly comes within 100 ms; each further look waits twice as long.
FIRST_LOOK_S = 0.2
HEALTHY = "healthy"

_log = Log()


class OwnHealth:
    """Asks a few times until there is a verdict, then only when a heartbeat's answer is new."""

    def __init__(
        self,
        instance: Instance,
        registrar: Registrar,
        now_s: Callable[[], float] = time.monotonic,
        words: Words = PYTHON,
    ) -> None:
        self._now_s = now_s
        self._instance = instance
        self._registrar = registrar
        self._words = words
        self.begin()

    def begin(self) -> None:
        """Forget what was said before: the instance has registered, or is about to."""
        self._said: tuple[str, str] | None = None
        self._state = ""
        self._began_s = self._now_s()
        self._look_after_s = FIRST_LOOK_S

    async def renewed(self, state: str) -> None:
        """Take in the state that answered a heartbeat; while it stays healthy, ask nothing more."""
        if not (state == self._state == HEALTHY):
            await self.look()

    async def lost(self) -> None:
        """Log why the instance is not registered any more, before it registers again."""
        with contextlib.suppress(DiscoveryError):
            standing = await self._registrar.standing(self._instance.key)
            self._say(notice_of_loss(standing))

    async def look(self) -> None:
        """Ask what the registry says of the instance now, and log what is new."""
        with contextlib.suppress(DiscoveryError):  # the announcement logs that itself
            standing = await self._registrar.standing(self._instance.key)
            self._state = standing.state if standing.live_gateways else ""
            age_s = self._now_s() - self._began_s
            registry = without_password(self._registrar.registry)
            self._say(notice_of(self._instance, standing, age_s, registry, self._words))

    def _say(self, notice: Notice | None) -> None:
        if notice is not None and notice.change != self._said:
            self._said = notice.change
            log = _log.warning if notice.warns else _log.info
            log(notice.event, text=notice.text, instance=self._instance.id, **notice.fields)

    async def sleep(self, seconds: float) -> None:
        """Sleep, and look a few times meanwhile, until the instance is known to be healthy."""
        with contextlib.suppress(TimeoutError):
            # A look may be slow, and must not delay a heartbeat.
            async with asyncio.timeout(seconds):
                while self._state != HEALTHY:
                    await asyncio.sleep(self._look_after_s)
                    self._look_after_s *= 2
                    await self.look()
                await asyncio.sleep(seconds)
