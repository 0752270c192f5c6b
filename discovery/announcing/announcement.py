"""The registration of one running service: it registers, heartbeats, drains and deregisters."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..base.logs import Log
from ..base.tasks import end
from ..model.errors import (
    DiscoveryError,
    InvalidRegistration,
    RegistrationRefused,
    RegistryDenies,
    RegistryUnavailable,
)
from ..model.health_check import HOST
from ..model.instance import Instance, encode, parse_registration
from ..model.naming import route_of
from ..model.settings import RegistrySettings
from ..model.words import PYTHON, Words
from .advertising import advertised_host
from .listening import wait_until_listening
from .own_health import OwnHealth
from .registrar import RedisRegistrar, Registrar
from .sharing import Sharers, place_id

#: A service that does not listen by then may never do so, and a warning says it.
STARTS_WITHIN_S = 10.0
#: By then, another process of this instance has registered it, if it is about to.
FOUND_WITHIN_S = 2.0
FOUND_POLL_S = 0.05
RETRY_FIRST_S = 0.1
RETRY_MOST_S = 5.0
#: A lease survives the loss of one heartbeat less than this.
HEARTBEATS_IN_TTL = 3

_UNAVAILABLE = "announce.registry_unavailable"

_log = Log()


class Announcement:
    """The registration of one running service; no failure of the registry ends it."""

    def __init__(
        self,
        instance: Instance,
        settings: RegistrySettings,
        registrar: Registrar | None = None,
        starts_within_s: float = STARTS_WITHIN_S,
        words: Words = PYTHON,
    ) -> None:
        self.instance = instance
        self.registered = False
        self.listening = asyncio.Event()
        #: Set when the registry refuses the registration, and trying again does not help.
        self.refused = asyncio.Event()
        #: Returns where the service listens instead of its port; empty where that is unknown.
        self.listens_elsewhere: Callable[[], Awaitable[str]] = _nothing_known
        self._starts_within_s = starts_within_s
        self._words = words
        self._told: set[str] = set()  # troubles that last still and have been logged
        self._was_registered = False
        self._may_be_registered = False
        self._draining = False
        self._interval_s = min(settings.heartbeat_interval_s, instance.ttl_s / HEARTBEATS_IN_TTL)
        self._registrar = registrar or RedisRegistrar(settings)
        self._health = OwnHealth(instance, self._registrar, words=words)
        self._sharers = Sharers(self._registrar.registry, instance.key)
        self._others_have = False
        self._task: asyncio.Task[None] | None = None

    @property
    def instance_id(self) -> str:
        return self.instance.id

    @property
    def prefix(self) -> str:
        """The path prefix that the gateway removes: `/api/orders` for `orders_service`."""
        return route_of(self.instance.name)

    async def run(self) -> None:
        """Register once the service listens, then heartbeat until cancelled."""
        await wait_until_listening(
            self.instance, self._starts_within_s, self.listens_elsewhere, self._words
        )
        self.listening.set()
        self._health.begin()
        self._others_have = not await self._sharers.join(encode(self.instance))
        retry_s = RETRY_FIRST_S
        while True:
            try:
                await self._beat()
                retry_s = RETRY_FIRST_S
            except DiscoveryError as error:
                self._note(error)
                pause_s = retry_s * random.uniform(0.8, 1.2)
                retry_s = min(RETRY_MOST_S, self._interval_s, retry_s * 2)
                await asyncio.sleep(pause_s)
            else:
                await self._health.sleep(self._interval_s * random.uniform(0.9, 1.0))

    async def drain(self) -> None:
        """Ask for no new requests, and wait until none come; a registry that is away is no error."""
        if await self.begin_drain():
            await self._say_goodbye(self._registrar.drained(self.instance.key))

    async def begin_drain(self) -> bool:
        """Stop heartbeats and ask for no new requests; False if it has drained before, or can't.

        While other processes share the instance nothing is asked, since they keep serving.
        """
        await self._stop()
        if not self._may_be_registered or self._draining:
            return False
        with self._sharers.leaving() as is_last:
            if is_last:
                self._draining = await self._say_goodbye(self._registrar.drain(self.instance.key))
        return self._draining

    async def pause(self) -> bool:
        """Deregister until `start`; False if other processes share it, or the registry is away."""
        await self._stop()
        deregistered = False
        with self._sharers.leaving() as is_last:
            if is_last and self._may_be_registered:
                goodbye = self._registrar.deregister(self.instance.key)
                deregistered = await self._say_goodbye(goodbye)
        self.registered = self._may_be_registered = False
        return deregistered

    async def withdraw(self) -> bool:
        """Do what `pause` does, and close the connections."""
        deregistered = await self.pause()
        self._sharers.close()
        await self._registrar.close()
        return deregistered

    def start(self) -> None:
        """Register; after a pause or a drain, register anew."""
        self.registered = self._draining = False
        self._task = asyncio.create_task(self.run(), name=f"announce-{self.instance.id}")

    async def _beat(self) -> None:
        if self.registered or self._others_have:
            self._may_be_registered = True
            state = await self._renew()
            self.registered = bool(state)
            if state:
                self._say_it_answers()
                await self._health.renewed(state)
            elif self._was_registered:
                await self._health.lost()
            self._was_registered = self._was_registered or self.registered
            self._others_have = False
        if not self.registered:
            self._may_be_registered = True  # even if this call's answer never comes
            if self._sharers.takes_over:
                # A killed process had the instance before: what gateways found of that is not about this one.
                await self._registrar.deregister(self.instance.key)
                self._sharers.takes_over = False
            await self._registrar.register(self.instance)
            self._say_it_answers()
            self.registered = self._was_registered = True
            self._health.begin()
            _log.info(
                "announce.registered",
                text=f"registered: {self.instance.url}, as {self.instance.id}",
                instance=self.instance.id,
                url=self.instance.url,
            )

    async def _renew(self) -> str:
        """Renew the lease and return the state; wait for the process that may be about to register."""
        ends_s = time.monotonic() + (FOUND_WITHIN_S if self._others_have else 0.0)
        while True:
            state = await self._registrar.renew(self.instance.key)
            if state or time.monotonic() >= ends_s:
                return state
            await asyncio.sleep(FOUND_POLL_S)

    def _note(self, error: DiscoveryError) -> None:
        """Log the error once, not at each try. Trying goes on: settings elsewhere may change."""
        refused = isinstance(error, RegistrationRefused | RegistryDenies)
        self._say(error, refused)
        if refused and not self._was_registered:
            self._may_be_registered = False
            self.refused.set()

    async def _say_goodbye(self, call: Awaitable[None]) -> bool:
        try:
            await call
        except DiscoveryError as error:
            self._say(error, refused=False, then="its registration lapses by itself")
            return False
        return True

    def _say(self, error: DiscoveryError, refused: bool, then: str = "") -> None:
        """Log an outage once, even if each try fails in other words; log every new refusal."""
        event = "announce.refused" if refused else _UNAVAILABLE
        news = str(error) if refused else _UNAVAILABLE
        if news not in self._told:
            self._told.add(news)
            text = f"refused: {error}" if refused else f"registry unavailable: {error}"
            if self._was_registered and isinstance(error, RegistryUnavailable):
                # The registry worked before, so its address is right: say what becomes of the instance.
                then = then or f"{self.instance.id} is registered again when it is back"
                text = f"registry unavailable: {error.what}; {then}"
            _log.warning(event, text=text, detail=str(error))

    def _say_it_answers(self) -> None:
        if _UNAVAILABLE in self._told:
            text = "the registry answers again"
            _log.info("announce.registry_back", text=text, instance=self.instance.id)
        self._told.clear()

    async def _stop(self) -> None:
        if self._task is not None:
            await end(self._task)
            self._task = None


async def _nothing_known() -> str:
    return ""


def make_announcement(
    *,
    name: str,
    port: int,
    host: str | None,
    health_path: str | None,
    metadata: Mapping[str, Any] | None,
    version: str | None,
    weight: int,
    instance_id: str | None,
    settings: RegistrySettings | None,
    health_host: str | None = None,
    ttl_s: float | None = None,
    registrar: Registrar | None = None,
    starts_within_s: float = STARTS_WITHIN_S,
    words: Words = PYTHON,
) -> Announcement:
    """An announcement that is not started yet; what is None comes from the environment.

    `words` are those of whoever registers, for what is said to them.
    """
    settings = settings or RegistrySettings.from_env()
    host = host or advertised_host(settings.redis_url)
    instance = parse_registration(
        name,
        instance_id or place_id(name, host, port),
        {
            "host": host,
            "port": port,
            "health_check_url": health_path,
            "metadata": _with_health_host(metadata, health_host),
            "version": version,
            "weight": weight,
            "ttl": ttl_s,
        },
        default_ttl_s=settings.instance_ttl_s,
        words=words,
    )
    return Announcement(instance, settings, registrar, starts_within_s, words)


def _with_health_host(
    metadata: Mapping[str, Any] | None, health_host: str | None
) -> Mapping[str, Any] | None:
    if health_host is None:
        return metadata
    if metadata and HOST in metadata:
        raise InvalidRegistration(f"metadata {HOST!r}: health_host is given too, give one of them")
    return {**(metadata or {}), HOST: health_host}
