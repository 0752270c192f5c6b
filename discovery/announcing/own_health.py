"""Follows what the registry says of an instance that is registered here, and logs each change once."""

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
    """Asks now and then as long as there is no verdict, then only where a heartbeat's answer is news."""

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
        """It has registered, or is about to: what was said of it before is no word on it now."""
        self._said: tuple[str, str] | None = None
        self._state = ""
        self._began_s = self._now_s()
        self._look_after_s = FIRST_LOOK_S

    async def renewed(self, state: str) -> None:
        """Take in the state that a heartbeat was answered with; what is well is asked for no more."""
        if not (state == self._state == HEALTHY):
            await self.look()

    async def lost(self) -> None:
        """A heartbeat was told that it is not registered: say why, before it registers again."""
        with contextlib.suppress(DiscoveryError):
            standing = await self._registrar.standing(self._instance.key)
            self._say(notice_of_loss(standing))

    async def look(self) -> None:
        """Ask what is said of it now, and say what is new in that."""
        with contextlib.suppress(DiscoveryError):  # who keeps it registered says so
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
        """Sleep, and look a few times meanwhile, as long as it is not known to be healthy."""
        with contextlib.suppress(TimeoutError):
            # A look may be slow, and no heartbeat waits for it.
            async with asyncio.timeout(seconds):
                while self._state != HEALTHY:
                    await asyncio.sleep(self._look_after_s)
                    self._look_after_s *= 2
                    await self.look()
                await asyncio.sleep(seconds)
