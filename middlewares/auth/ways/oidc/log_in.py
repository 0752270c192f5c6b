"""Logs a browser in: sends it to the provider, and makes a session of what it comes back with."""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from aiohttp import web

from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.oidc.asking import Browser
from middlewares.auth.ways.oidc.deciding.cookies import TooLarge, end_lines, login_lines
from middlewares.auth.ways.oidc.deciding.login import (
    LOGIN_S,
    Callback,
    Login,
    authorization_url,
    check_callback,
    code_request,
)
from middlewares.auth.ways.oidc.deciding.returning import return_target
from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.session import Session, begin
from middlewares.auth.ways.oidc.deciding.tokens import (
    NotAsAgreed,
    check_login_claims,
    read_error,
    read_tokens,
)
from middlewares.auth.ways.oidc.identifying import identity_of
from middlewares.auth.ways.oidc.provider import ProviderAway, ProviderClient
from middlewares.auth.ways.oidc.sessions import Sessions
from middlewares.auth.ways.oidc.spec import CALLBACK_PATH, OidcSpec
from middlewares.auth.ways.oidc.store import Away, SessionStore
from middlewares.failures import AuthUnavailable, BadRequest, Forbidden

#: Of state, nonce, verifier and the session's id; a verifier has 43 to 128 characters (RFC 7636 §4.1).
RANDOM_BYTES: Final = 32

_log = structlog.get_logger()


class LogIns:
    """The log-ins of one way. Each one is bound to the browser that began it by a sealed cookie."""

    def __init__(
        self,
        spec: OidcSpec,
        name: str,
        *,
        store: SessionStore,
        sessions: Sessions,
        provider: ProviderClient,
        now: Callable[[], float],
    ) -> None:
        self._spec = spec
        self._name = name
        self._store = store
        self._sessions = sessions
        self._provider = provider
        self._now = now

    def begin(self, browser: Browser, target: str) -> web.Response:
        """Send a browser to the provider; it returns to `target`. Raises AuthUnavailable."""
        begun = Login(
            state=secrets.token_urlsafe(RANDOM_BYTES),
            nonce=secrets.token_urlsafe(RANDOM_BYTES),
            verifier=secrets.token_urlsafe(RANDOM_BYTES),
            target=return_target(target),
            began_s=self._now(),
        )
        try:
            endpoint = self._provider.provider.authorization_endpoint
            sealed = self._sessions.seal_login(begun, browser.host)
        except (ProviderAway, Away) as away:
            raise self._unavailable(away) from None
        location = authorization_url(
            endpoint,
            begun,
            client_id=self._spec.client_id,
            redirect_uri=browser.origin + CALLBACK_PATH,
            scopes=self._spec.scopes,
        )
        names = self._sessions.names
        lines = login_lines(sealed, names, begun.state, browser.cookies, int(LOGIN_S))
        return redirect(302, location, lines)

    async def complete(
        self, browser: Browser, callback: Callback, sealed: str, *, needs_iss: bool
    ) -> web.Response:
        """Make a session of a callback that came with the sealed log-in.

        Raises BadRequest for what is not of this log-in, Forbidden where the provider refuses it, and
        AuthUnavailable.
        """
        try:
            begun = self._sessions.open_login(sealed, browser.host)
            provider = self._provider.provider
            check_callback(
                callback,
                begun,
                issuer=self._spec.issuer,
                needs_iss=needs_iss or provider.says_iss,
            )
            await self._use_once(begun)
            if callback.error:
                raise self._refused(callback.error)
            session = await self._session_of(browser, callback, begun)
            lines = await self._kept(session, browser)
        except (ProviderAway, Away) as away:
            raise self._unavailable(away) from None
        except (NotSealedHere, NotAsAgreed, BadToken) as error:
            _log.warning("oidc.log_in_failed", way=self._name, why=str(error))
            raise BadRequest(
                "this log-in can't be completed: begin again at the page that you wanted"
            ) from None
        _log.info("oidc.logged_in", way=self._name, subject=session.subject)
        ended = end_lines([self._sessions.names.login(begun.state)])
        return redirect(303, begun.target, [*lines, *ended])

    async def _session_of(self, browser: Browser, callback: Callback, begun: Login) -> Session:
        form = code_request(callback, begun, browser.origin + CALLBACK_PATH)
        status, document = await self._provider.ask(self._provider.provider.token_endpoint, form)
        if status >= 500:
            raise ProviderAway(f"its token endpoint has status {status}")
        if status != 200:
            error = read_error(document)
            if error == "invalid_client":
                _log.error("oidc.client_refused", way=self._name)
                raise ProviderAway("it refuses client_id or the client's secret")
            raise NotAsAgreed(f"the provider does not take the code: {error}")
        tokens = read_tokens(document)
        if not tokens.id_token:
            raise NotAsAgreed("the provider gave no ID token")
        claims = await self._provider.id_token_claims(tokens.id_token)
        check_login_claims(claims, client_id=self._spec.client_id, nonce=begun.nonce)
        session = begin(
            tokens,
            claims,
            # Always a new one: who planted a cookie before the log-in knows nothing of it.
            session_id=secrets.token_urlsafe(RANDOM_BYTES),
            subject=self._spec.subject,
            asked=self._spec.scopes,
            lasts_s=self._spec.lasts_s,
            now_s=self._now(),
        )
        identity_of(
            session, self._name, self._spec.subject
        )  # a subject that can't be sent on is no subject
        return session

    async def _kept(self, session: Session, browser: Browser) -> list[str]:
        """The Set-Cookie values of a session, which the registry keeps if it is to. Raises Away."""
        try:
            lines = self._sessions.set_cookies(session, browser.host, browser.cookies)
        except TooLarge as error:
            _log.error(
                "oidc.session_too_large", way=self._name, detail=f"{error}: use store: registry"
            )
            raise Away("the session is too large for cookies") from None
        if not self._sessions.in_cookie:
            sealed = self._sessions.seal(session, browser.host)
            await self._store.keep(session.id, session.generation, sealed, self._spec.lasts_s)
            self._sessions.remember(session)
        return lines

    async def _use_once(self, begun: Login) -> None:
        try:
            fresh = await self._store.use_once(begun.state, LOGIN_S)
        except Away:
            return  # the provider takes a code only once, too
        if not fresh:
            raise NotAsAgreed("this log-in was completed already")

    def _refused(self, error: str) -> Forbidden:
        word = read_error({"error": error})
        _log.info("oidc.log_in_refused", way=self._name, error=word)
        return Forbidden(f"the provider has refused the log-in: {word}")

    def _unavailable(self, away: Exception) -> AuthUnavailable:
        _log.warning("oidc.log_in_unavailable", way=self._name, detail=str(away))
        return AuthUnavailable(1)


def redirect(status: int, location: str, cookies: Iterable[str]) -> web.Response:
    """A redirect that no cache keeps, and after which no page learns of the address before."""
    answer = web.Response(status=status, headers={"Location": location, **PRIVATE})
    for line in cookies:
        answer.headers.add("Set-Cookie", line)
    return answer


#: Of every answer that is about one browser's log-in.
PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
