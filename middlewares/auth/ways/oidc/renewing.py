"""Renews the tokens of sessions: one renewal of each at a time, over all workers and gateways."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import structlog

from discovery.base.tasks import end
from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.jwt.deciding.verifying import UnknownKid
from middlewares.auth.ways.oidc.deciding.ending import Mark
from middlewares.auth.ways.oidc.deciding.login import refresh_request
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.session import Session, Standing, renewed
from middlewares.auth.ways.oidc.deciding.tokens import (
    FINAL_ERRORS,
    NotAsAgreed,
    Tokens,
    check_renewed_claims,
    read_error,
    read_tokens,
)
from middlewares.auth.ways.oidc.following import Following
from middlewares.auth.ways.oidc.provider import ProviderAway, ProviderClient
from middlewares.auth.ways.oidc.sessions import MOST_SESSIONS, Sessions
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.auth.ways.oidc.store import RENEWAL_MS, Away, SessionStore

#: A renewal that failed is tried again after this time.
AGAIN_AFTER_S: Final = 5.0
#: How often it is asked whether the renewal of somebody else has ended.
LOOK_EVERY_S: Final = 0.05
#: How often it is tried to keep renewed tokens for the others, who can't use the old ones any more.
KEEP_TRIES: Final = 20
#: What a gateway that stops waits for renewals, whose tokens would be lost.
LAST_S: Final = 3.0

_log = structlog.get_logger()


class Renewals:
    """The renewals under way in this worker, by the session's id.

    A refresh token can often be used only once, and a provider that sees it twice ends the log-in. So the
    registry says who renews, and keeps the result for those who come with the old cookie. Without the
    registry nothing is renewed: sessions go on with what they have.
    """

    def __init__(
        self,
        spec: OidcSpec,
        name: str,
        *,
        store: SessionStore,
        following: Following,
        sessions: Sessions,
        provider: ProviderClient,
        now: Callable[[], float],
    ) -> None:
        self._spec = spec
        self._name = name
        self._store = store
        self._following = following
        self._sessions = sessions
        self._provider = provider
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: When a session's renewal may be tried again.
        self._not_before_s: dict[str, float] = {}

    def start(self, session: Session, host: str) -> "asyncio.Task[None] | None":
        """Start to renew a session, unless that is under way; None: it has just failed."""
        task = self._tasks.get(session.id)
        if task is not None:
            return task
        if self._now() < self._not_before_s.get(session.id, 0.0):
            return None
        task = asyncio.create_task(self._renew(session, host), name="oidc.renewal")
        self._tasks[session.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(session.id, None))
        return task

    async def close(self) -> None:
        """Wait a while for the renewals under way."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_S)
            await end(*tasks)

    async def _renew(self, session: Session, host: str) -> None:
        """Renew a session, or learn what became of it; whatever goes wrong, it is tried again later."""
        try:
            if not await self._renewed(session, host):
                self._put_off(session)
        except Away:
            self._put_off(session)
        except Exception:  # noqa: BLE001 - the session goes on
            self._put_off(session)
            _log.exception("oidc.renewal_failed", way=self._name)

    async def _renewed(self, session: Session, host: str) -> bool:
        """Whether the session was renewed or ended, here or by another worker."""
        token = secrets.token_urlsafe(16)
        until_s = self._now() + RENEWAL_MS / 1000
        while True:
            answer = await self._store.begin_renewal(session.id, session.generation, token)
            if answer.word == "newer":
                return self._take_over(answer.sealed, host)
            if answer.word == "yours":
                return await self._ask_provider(session, host, token)
            if self._now() >= until_s or self._following.marks.end(session):
                return False
            await asyncio.sleep(LOOK_EVERY_S)

    def _take_over(self, sealed: str, host: str) -> bool:
        try:
            self._sessions.remember(self._sessions.open(sealed, host))
        except NotSealedHere:
            return False  # by a gateway with other secrets
        return True

    async def _ask_provider(self, session: Session, host: str, token: str) -> bool:
        try:
            endpoint = self._provider.provider.token_endpoint
            form = refresh_request(session.refresh_token)
            status, document = await self._provider.ask(endpoint, form)
        except ProviderAway as away:
            return await self._failed(session, str(away))
        if status != 200:
            error = read_error(document)
            if error not in FINAL_ERRORS:
                return await self._failed(session, f"status {status}, {error}")
            _log.info("oidc.session_ended", way=self._name, subject=session.subject, why=error)
            return await self._over(session)
        try:
            found = await self._checked(session, read_tokens(document))
        except (NotAsAgreed, BadToken) as error:
            _log.warning("oidc.session_ended", way=self._name, why=str(error))
            return await self._over(session)
        self._sessions.remember(found)
        await self._keep(found, host, token)
        return True

    async def _checked(self, session: Session, tokens: Tokens) -> Session:
        """The renewed session. Raises NotAsAgreed and BadToken."""
        claims = None
        if tokens.id_token:
            try:
                claims = await self._provider.id_token_claims(tokens.id_token)
            except (ProviderAway, UnknownKid):
                # Its new keys can't be had now, or a cache has old ones. The old refresh token is spent, so the
                # new one is kept.
                return renewed(session, tokens.without_id_token(), None, self._now())
            check_renewed_claims(
                claims,
                client_id=self._spec.client_id,
                subject=session.user,
                before=session.claims,
            )
        return renewed(session, tokens, claims, self._now())

    async def _keep(self, found: Session, host: str, token: str) -> None:
        sealed = self._sessions.seal(found, host)
        for number in range(KEEP_TRIES):
            lasts_s = found.ends_s - self._now()
            try:
                await self._store.keep(found.id, found.generation, sealed, lasts_s, token)
            except Away as away:
                if number == 0:
                    _log.warning("oidc.renewal_not_shared", way=self._name, detail=str(away))
                await asyncio.sleep(LOOK_EVERY_S * (number + 1))
            else:
                return

    async def _over(self, session: Session) -> bool:
        self._sessions.forget(session.id)
        await self._following.end(Mark("id", session.id, self._now()))
        return True

    async def _failed(self, session: Session, why: str) -> bool:
        _log.warning("oidc.not_renewed", way=self._name, detail=why)
        await self._store.hold_off(session.id, round(AGAIN_AFTER_S * 1000))
        return False

    def _put_off(self, session: Session) -> None:
        now_s = self._now()
        if len(self._not_before_s) >= MOST_SESSIONS:
            self._not_before_s = {
                one: at_s for one, at_s in self._not_before_s.items() if at_s > now_s
            }
        soon = session.standing(now_s) is Standing.DUE and not self._following.is_current
        self._not_before_s[session.id] = now_s + (1.0 if soon else AGAIN_AFTER_S)
