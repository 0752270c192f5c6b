"""The live ways of authentication of one worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web

from discovery.model.settings import RegistrySettings
from gateway.front.client_limits import ClientLimits
from gateway.front.request_body import RequestBody
from middlewares.auth.way import FollowsKeys, Prepares, Spec, Way
from middlewares.auth.ways.api_keys.spec import ApiKeysSpec
from middlewares.auth.ways.basic.spec import BasicSpec
from middlewares.auth.ways.forward.spec import ForwardSpec
from middlewares.auth.ways.jwt.spec import JwtSpec
from middlewares.auth.ways.mtls.spec import MtlsSpec
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.exchange import EXCHANGE
from middlewares.telemetry.metrics import GatewayMetrics

#: The longest field of an answer.
MOST_FIELD_BYTES = 16 * 1024
#: A gateway that starts waits so long at most for the keys of issuers: it takes the place of another one.
PREPARING_S = 1.0
#: The most connections to one server.
CONNECTIONS_EACH = 100
#: Runs a way's background work while the context lasts.
Running = Callable[[str, Callable[[], Awaitable[None]]], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class Means:
    """What a way may use: `now` is Unix time in seconds."""

    registry: RegistrySettings
    metrics: GatewayMetrics
    client_limits: ClientLimits
    now: Callable[[], float] = time.time
    _session: ClientSession | None = field(default=None, init=False)

    def session(self) -> ClientSession:
        """The client for calls to providers; it follows no proxy of the environment and keeps no cookies."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                # A server that hangs takes no connections from the others.
                connector=TCPConnector(limit=0, limit_per_host=CONNECTIONS_EACH),
                cookie_jar=DummyCookieJar(),
                max_field_size=MOST_FIELD_BYTES,
                timeout=ClientTimeout(total=10),
                trust_env=False,
            )
        return self._session

    async def body(self, request: web.Request, most_bytes: int) -> bytes:
        """The body of a request at a way's own path; a Failure if it is larger, or comes too slowly."""
        body = bytearray()
        parts = RequestBody(request, request[EXCHANGE], self.client_limits, most_bytes)
        async for piece in parts.begin():
            body += piece
        return bytes(body)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Ways:
    """Ways by their names in the file; one whose specification stays the same stays, with all it remembers."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._specs: Mapping[str, Spec] = {}
        self._live: Mapping[str, Way] = {}
        self._changed = asyncio.Event()

    @property
    def live(self) -> Mapping[str, Way]:
        return self._live

    def take(self, specs: Mapping[str, Spec]) -> None:
        """Put these in force, all at once."""
        before = self._live
        self._live = {
            name: before[name]
            if self._specs.get(name) == spec
            else made(name, spec, self._means, before)
            for name, spec in specs.items()
        }
        self._specs = specs
        self._changed.set()

    async def run(self, running: Running) -> None:
        """Do the background work of the live ways; never returns."""
        works: dict[Way, AsyncExitStack] = {}
        try:
            while True:
                self._changed.clear()
                live = set(self._live.values())
                for gone in works.keys() - live:
                    await works.pop(gone).aclose()
                for way in live - works.keys():
                    works[way] = stack = AsyncExitStack()
                    work = partial(_for_ever, way)
                    await stack.enter_async_context(running(f"auth.{way.name}", work))
                await self._changed.wait()
        finally:
            for stack in works.values():
                await stack.aclose()
            await self._means.close()

    async def prepared(self) -> None:
        """Wait until each way can decide, or has seen that it can't; PREPARING_S at most."""
        waiting = [way.prepared() for way in self._live.values() if isinstance(way, Prepares)]
        with suppress(TimeoutError):
            async with asyncio.timeout(PREPARING_S):
                await asyncio.gather(*waiting)

    async def keys_changed(self) -> None:
        """Wait until this worker has what was just done to the keys of the registry."""
        for way in self._live.values():
            if isinstance(way, FollowsKeys):
                await way.keys_changed()

    def describe(self) -> dict[str, Mapping[str, object]]:
        """What `/status` says of each way."""
        return {name: way.describe() for name, way in self._live.items()}


async def _for_ever(way: Way) -> None:
    await way.run()
    await asyncio.Event().wait()


def made(name: str, spec: Spec, means: Means, live: Mapping[str, Way]) -> Way:
    """A way; `live` are those until now, whose keys or sessions it may go on with."""
    before = live.get(name)
    # Each way's code is loaded for a file that has one.
    if isinstance(spec, ApiKeysSpec):
        from middlewares.auth.ways.api_keys.keyring import Keyring
        from middlewares.auth.ways.api_keys.way import ApiKeys

        keyring = Keyring(means.registry, now_s=means.now)
        # All ways of this type have the same keys.
        others = [one.keyring for one in live.values() if isinstance(one, ApiKeys)]
        if others:
            keyring.go_on(others[0])
        return ApiKeys(name, keyring, means.now)
    if isinstance(spec, ForwardSpec):
        from middlewares.auth.ways.forward.way import ForwardWay

        return ForwardWay(spec, session=means.session)
    if isinstance(spec, BasicSpec):
        from middlewares.auth.ways.basic.way import BasicWay

        return BasicWay(spec)
    if isinstance(spec, MtlsSpec):
        from middlewares.auth.ways.mtls.way import MtlsWay

        return MtlsWay(spec, shown_by=_shown_by, now=means.now)
    if isinstance(spec, OidcSpec):
        return _oidc(name, spec, means, before)
    if isinstance(spec, JwtSpec):
        from middlewares.auth.ways.jwt.way import JwtWay

        return JwtWay(name, spec, session=means.session, now=means.now, before=before)
    raise AssertionError(f"{type(spec).__name__} has no way")


def _shown_by(request: web.Request) -> tuple[bytes, ...]:
    """The certificates that the client has shown, verified by the handshake (gateway/front/tls)."""
    transport = request.transport
    if transport is None:
        return ()
    found: tuple[bytes, ...] = transport.get_extra_info("peer_chain", ())
    return found


def _oidc(name: str, spec: OidcSpec, means: Means, before: Way | None) -> Way:
    from middlewares.auth.ways.oidc.way import OidcWay

    way = OidcWay(
        spec,
        name,
        session=means.session,
        registry=means.registry,
        now=means.now,
        body=means.body,
    )
    if isinstance(before, OidcWay):
        way.go_on(before)
    return way
