"""Logs out: here, at the provider, and where the provider says so (back-channel)."""

from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.oidc.asking import Browser
from middlewares.auth.ways.oidc.deciding.cookies import logout_lines, read_session
from middlewares.auth.ways.oidc.deciding.ending import (
    LOGOUT_TOKEN_S,
    Mark,
    end_session_url,
    read_logout_claims,
)
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.session import Session
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed
from middlewares.auth.ways.oidc.following import Following
from middlewares.auth.ways.oidc.log_in import PRIVATE, redirect
from middlewares.auth.ways.oidc.provider import ProviderAway, ProviderClient
from middlewares.auth.ways.oidc.sessions import Sessions
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.auth.ways.oidc.store import Away, SessionStore
from middlewares.failures import AuthUnavailable

#: The largest body with a log-out token.
MOST_BODY_BYTES: Final = 32 * 1024

_log = structlog.get_logger()


class LogOuts:
    """The log-outs of one way."""

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

    async def of_browser(self, browser: Browser) -> web.Response | None:
        """End the session of a browser, and send it to the provider's log-out; None: it has no session."""
        value = read_session(browser.cookie, self._sessions.names)
        if value is None:
            return None
        try:
            session = self._sessions.newest(await self._sessions.find(value, browser.host))
        except (NotSealedHere, Away):
            session = None
        # Who sends the cookie of a session that is over again leaves nothing in the registry.
        if session is not None and not self._following.marks.end(session):
            self._sessions.forget(session.id)
            try:
                await self._following.end(Mark("id", session.id, self._now()))
            except Away as away:
                _log.warning("oidc.log_out_not_shared", way=self._name, detail=str(away))
            _log.info("oidc.logged_out", way=self._name, subject=session.subject)
        lines = logout_lines(self._sessions.names, browser.cookies)
        location = self._after(browser, session)
        if location is not None:
            return redirect(303, location, lines)
        answer = web.Response(text="You are logged out.\n", headers=PRIVATE)
        for line in lines:
            answer.headers.add("Set-Cookie", line)
        return answer

    def _after(self, browser: Browser, session: Session | None) -> str | None:
        """Where the browser goes: to the provider's log-out, or else where the file says."""
        after = self._spec.after_logout
        if after is not None and after.startswith("/"):
            after = browser.origin + after
        try:
            endpoint = self._provider.provider.end_session_endpoint
        except ProviderAway:
            endpoint = None
        if endpoint is None:
            return after
        id_token = "" if session is None else session.id_token
        return end_session_url(
            endpoint, client_id=self._spec.client_id, id_token=id_token, after=after
        )

    async def by_provider(self, token: str) -> bool:
        """End what a log-out token of the provider names; False: it is not one for this way, or was used.

        Raises AuthUnavailable if it can't be checked or the others can't be told.
        """
        try:
            claims = await self._provider.logout_token_claims(token)
            mark, jti = read_logout_claims(claims, now_s=self._now(), leeway_s=self._spec.leeway_s)
        except (BadToken, NotAsAgreed) as error:
            _log.info("oidc.log_out_refused", way=self._name, why=str(error))
            return False
        except ProviderAway as away:
            _log.warning("oidc.log_out_not_checked", way=self._name, detail=str(away))
            raise AuthUnavailable(1) from None
        try:
            lasts_s = LOGOUT_TOKEN_S + 2 * self._spec.leeway_s
            if not await self._store.use_once(f"jti {jti}", lasts_s):
                _log.info("oidc.log_out_refused", way=self._name, why="it was used already")
                return False
            await self._following.end(mark)
        except Away:
            # Here it holds; a provider that asks again reaches the others.
            self._following.end_here(mark)
            raise AuthUnavailable(1) from None
        _log.info("oidc.logged_out_by_provider", way=self._name, by=mark.kind)
        return True
