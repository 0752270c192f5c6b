"""The way `oidc`: finds the session of a browser, keeps it alive, and lets people log in and out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from aiohttp import ClientSession, web

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.auth.deciding import Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict, Way
from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.oidc.asking import Browser
from middlewares.auth.ways.oidc.deciding.cookies import TooLarge, read_session, without
from middlewares.auth.ways.oidc.deciding.navigating import navigates
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.session import Session, Standing
from middlewares.auth.ways.oidc.following import HEARS_WITHIN_S, Following
from middlewares.auth.ways.oidc.identifying import identity_of
from middlewares.auth.ways.oidc.log_in import LogIns
from middlewares.auth.ways.oidc.log_out import LogOuts
from middlewares.auth.ways.oidc.own_paths import Body, Door, answer
from middlewares.auth.ways.oidc.provider import ProviderClient
from middlewares.auth.ways.oidc.renewing import Renewals
from middlewares.auth.ways.oidc.sessions import Sessions
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.auth.ways.oidc.store import Away, SessionStore
from middlewares.failures import Forbidden
from middlewares.memory import Memory

#: Cookie fields that a worker remembers with who sent them, and their largest size.
REMEMBERED: Final = 2048
REMEMBERED_BYTES: Final = 8192
#: A request whose session has no valid tokens any more waits this long for new ones.
WAITS_S: Final = 7.0

_log = structlog.get_logger()

#: The client of a request that came over plain http, its host, and its Cookie field.
_Sent = tuple[str, bytes, bytes]


class OidcWay:
    """One way. It remembers who sent a Cookie field until something is due, or somebody is logged out."""

    def __init__(
        self,
        spec: OidcSpec,
        name: str,
        *,
        session: Callable[[], ClientSession],
        registry: RegistrySettings,
        now: Callable[[], float],
        body: Body,
    ) -> None:
        self.name = name
        self.spec = spec
        self._now = now
        self._body = body
        self._store = SessionStore(registry, name)
        self._following = Following(spec, name, self._store, now)
        self._following.ended = self._forget
        self._provider = ProviderClient(spec, name, session, now)
        self._sessions = Sessions(spec, name, store=self._store, following=self._following, now=now)
        self._renewals = Renewals(
            spec,
            name,
            store=self._store,
            following=self._following,
            sessions=self._sessions,
            provider=self._provider,
            now=now,
        )
        log_ins = self._log_ins = LogIns(
            spec,
            name,
            store=self._store,
            sessions=self._sessions,
            provider=self._provider,
            now=now,
        )
        log_outs = LogOuts(
            spec,
            name,
            store=self._store,
            following=self._following,
            sessions=self._sessions,
            provider=self._provider,
            now=now,
        )
        #: What answers at the way's own paths.
        self.door = Door(spec.issuer, self._sessions.names, log_ins, log_outs)
        self._mark = f"{self._sessions.names.session}=".encode()
        self._known: Memory[_Sent, tuple[Identity, float]] = Memory(
            f"oidc.{name}", entries=REMEMBERED, entry_bytes=REMEMBERED_BYTES
        )
        #: What of a Cookie field goes to instances.
        self._left: Memory[bytes, bytes] = Memory(
            f"oidc.{name}.left", entries=REMEMBERED, entry_bytes=REMEMBERED_BYTES
        )

    def go_on(self, before: "OidcWay") -> None:
        """Go on with what the way knew that had this name before, with another specification."""
        self._following.go_on(before._following)
        self._sessions.go_on(before._sessions)
        self._provider.go_on(before._provider)

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        return None  # a program can't log in

    def takes(self, asked: Asked) -> bool:
        cookie = asked.credentials.cookie
        return cookie is not None and self._mark in cookie

    def known(self, asked: Asked) -> Identity | None:
        found = self._known.recall(_sent(asked))
        if found is None or self._now() >= found[1]:
            return None
        return found[0]

    async def decide(self, asked: Asked) -> Verdict:
        browser = Browser.of(asked)
        if not browser.is_guarded:
            return NotAdmitted("a session over plain http")
        value = read_session(browser.cookie, self._sessions.names)
        if value is None:
            return await self._refused(asked, "cookies that are no whole")
        try:
            await self._following.require_log_outs()
            found = await self._sessions.find(value, browser.host)
            newest = await self._kept_alive(found, browser.host)
            if newest is None:
                return await self._refused(asked, "a session that is over")
            identity = identity_of(newest, self.name, self.spec.subject)
            if newest is not found and self._sessions.in_cookie:
                lines = self._sessions.set_cookies(newest, browser.host, browser.cookies)
                asked.exchange.cookies += tuple(lines)
                return identity
        except (NotSealedHere, BadToken) as error:
            return await self._refused(asked, str(error))
        except (Away, TooLarge) as error:
            return Undecided(str(error), 1)
        if newest.standing(self._now()) is Standing.FRESH:
            until_s = min(newest.next_look_s(), newest.began_s + self.spec.lasts_s)
            self._known.keep(_sent(asked), (identity, until_s), len(browser.cookie))
        return identity

    async def _kept_alive(self, found: Session, host: str) -> Session | None:
        """The newest form of the session, with new tokens if need be; None: it is over.

        While its tokens are valid nobody waits for new ones. Without them a session goes on, if the
        provider does not end it.
        """
        newest = self._sessions.newest(found)
        standing = newest.standing(self._now())
        if self._is_over(newest, standing):
            return None
        if standing is Standing.FRESH:
            return newest
        renewal = self._renewals.start(newest, host)
        if renewal is None or standing is Standing.DUE:
            return newest
        await asyncio.wait([renewal], timeout=WAITS_S)
        newest = self._sessions.newest(found)
        return None if self._is_over(newest, newest.standing(self._now())) else newest

    def _is_over(self, session: Session, standing: Standing) -> bool:
        if standing is Standing.OVER or self._following.marks.end(session):
            return True
        # The file may have said more when it began. Its log-out is not remembered for longer than this.
        return self._now() >= session.began_s + self.spec.lasts_s

    async def _refused(self, asked: Asked, why: str) -> Verdict:
        """Let a person log in again, and refuse a program."""
        answered = await self.without_credential(asked)
        return NotAdmitted(why) if answered is None else answered

    async def without_credential(self, asked: Asked) -> Answered | None:
        """Send a browser that wants a page to the provider.

        Raises AuthUnavailable, and Forbidden if the session would pass a network in the open.
        """
        exchange = asked.exchange
        fields = {name.lower(): value for name, value in exchange.section.fields}
        if not navigates(asked.request.method, fields):
            return None
        browser = Browser.of(asked)
        if not browser.is_guarded:
            _log.warning("oidc.plain_http", way=self.name, host=browser.host)
            raise Forbidden("nobody can log in over plain http: use https")
        await self._following.first_answer(HEARS_WITHIN_S)
        await self._provider.first_answer(HEARS_WITHIN_S)
        return Answered(self._log_ins.begin(browser, exchange.target))

    async def answer(self, asked: Asked, path: str, ways: Sequence[Way]) -> web.StreamResponse:
        """Answer a callback, a log-out of a browser, or one by the provider."""
        doors = [way.door for way in ways if isinstance(way, OidcWay)]
        return await answer(asked, path, doors, self._body)

    def without_session(self, cookie: bytes) -> bytes:
        left = self._left.recall(cookie)
        if left is None:
            left = self._left.keep(cookie, without(cookie, self._sessions.names), len(cookie))
        return left

    async def run(self) -> None:
        """Follow the registry and the provider until cancelled."""
        tasks = [
            asyncio.create_task(self._following.run(), name="oidc.following"),
            asyncio.create_task(self._provider.run(), name="oidc.provider"),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            await end(*tasks)
            await self._renewals.close()
            await self._store.close()

    def describe(self) -> Mapping[str, object]:
        return {
            "type": "oidc",
            **self._provider.describe(),
            "registry": self._following.is_current,
            "log_outs_known": len(self._following.marks),
        }

    def _forget(self) -> None:
        self._known.clear()


def _sent(asked: Asked) -> _Sent:
    exchange = asked.exchange
    # What is good over plain http on this machine is not from elsewhere.
    client = "" if asked.scheme == "https" else exchange.client_ip
    return client, exchange.asked_host, asked.credentials.cookie or b""
