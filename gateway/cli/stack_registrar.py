"""Registers with a folder's stack, at the port that its registry has at that moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from discovery.announcing.registrar import RedisRegistrar
from discovery.model.answers import Standing
from discovery.model.errors import RegistryRefuses, RegistryUnavailable
from discovery.model.instance import Instance
from discovery.model.settings import RegistrySettings, without_password
from gateway.stack.failures import StackError


class StackRegistrar:
    """Looks for the registry before each call, since a stack may start later than a program.

    `look` returns the settings found, or None; `advise` says what to do if no registry answers (empty:
    the error says enough). `say` prints to the person.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        look: Callable[[], RegistrySettings | None],
        advise: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self._look = look
        self._advise = advise
        self._say = say
        self._now = RedisRegistrar(settings)

    @property
    def registry(self) -> str:
        return self._now.registry

    async def register(self, instance: Instance) -> None:
        with self._advised():
            await (await self._current()).register(instance)

    async def renew(self, key: str) -> str:
        with self._advised():
            return await (await self._current()).renew(key)

    async def standing(self, key: str) -> Standing:
        return await self._now.standing(key)

    async def drain(self, key: str) -> None:
        await self._now.drain(key)

    async def drained(self, key: str) -> None:
        await self._now.drained(key)

    async def deregister(self, key: str) -> None:
        await self._now.deregister(key)

    async def close(self) -> None:
        await self._now.close()

    @contextmanager
    def _advised(self) -> Iterator[None]:
        """Give better advice: a person who has set no REDIS_URL should not be asked to check it."""
        try:
            yield
        except RegistryUnavailable as error:
            if isinstance(error, RegistryRefuses):
                raise
            with suppress(OSError, StackError):
                if advice := self._advise():
                    url = without_password(self.settings.redis_url)
                    error = RegistryUnavailable(f"no registry answers at {url}; {advice}")
            raise error from None

    async def _current(self) -> RedisRegistrar:
        found = None
        with suppress(OSError, StackError):  # unreadable now: keep the last one
            found = self._look()
        if found is not None and found != self.settings:
            await self._now.close()
            self.settings = found
            self._now = RedisRegistrar(found)
            self._say(f"the registry is {without_password(found.redis_url)} now")
        return self._now
