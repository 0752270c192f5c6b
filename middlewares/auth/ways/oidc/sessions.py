"""Opens and seals the sessions of a way, and remembers the newest form of each."""

import secrets
from collections.abc import Callable
from typing import Final

from middlewares.auth.ways.oidc.deciding import login, session
from middlewares.auth.ways.oidc.deciding.cookies import Names, TooLarge, session_lines
from middlewares.auth.ways.oidc.deciding.login import Login
from middlewares.auth.ways.oidc.deciding.sealing import NONCE_BYTES, NotSealedHere, use_of
from middlewares.auth.ways.oidc.deciding.session import Session
from middlewares.auth.ways.oidc.following import Following
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.auth.ways.oidc.store import SessionStore

#: Sessions that a worker remembers beside their cookies.
MOST_SESSIONS: Final = 10_000


class Sessions:
    """A sealed value is good for its way and for the host that it was made for, and nowhere else."""

    def __init__(
        self,
        spec: OidcSpec,
        name: str,
        *,
        store: SessionStore,
        following: Following,
        now: Callable[[], float],
    ) -> None:
        self.names = Names(name)
        self._spec = spec
        self._name = name
        self._store = store
        self._following = following
        self._now = now
        self._newest: dict[str, Session] = {}

    @property
    def in_cookie(self) -> bool:
        """Whether the cookie holds the session itself."""
        return self._spec.store == "cookie"

    async def find(self, value: str, host: str) -> Session:
        """The session of a cookie's value. Raises NotSealedHere, and Away if nobody can say."""
        if self.in_cookie:
            return self.open(value, host)
        content = self._following.keyring.open(value, self._use("reference", host))
        session_id, _ = session.read_reference(content)
        known = self._newest.get(session_id)
        if known is not None:
            return known
        sealed = await self._store.newest(session_id)
        if sealed is None:
            raise NotSealedHere("a session that the registry does not keep any more")
        found = self.open(sealed, host)
        self.remember(found)
        return found

    def newest(self, found: Session) -> Session:
        """The newest form of a session that this worker knows."""
        known = self._newest.get(found.id)
        return found if known is None or known.generation <= found.generation else known

    def remember(self, found: Session) -> None:
        """Remember a session, unless a newer form of it is known."""
        if len(self._newest) >= MOST_SESSIONS:
            self._forget_some()
        self._newest[found.id] = self.newest(found)

    def go_on(self, before: "Sessions") -> None:
        """Remember what the way did that had this name before."""
        self._newest = dict(before._newest)

    def forget(self, session_id: str) -> None:
        """Forget a session that is over."""
        self._newest.pop(session_id, None)

    def open(self, sealed: str, host: str) -> Session:
        """Open a session. Raises NotSealedHere and Away."""
        return session.read(self._following.keyring.open(sealed, self._use("session", host)))

    def seal(self, found: Session, host: str) -> str:
        """Seal a session. Raises Away while there is no key."""
        return self._seal(session.write(found), self._use("session", host))

    def set_cookies(self, found: Session, host: str, sent: list[str]) -> list[str]:
        """The Set-Cookie values of a session. Raises TooLarge and Away."""
        max_age_s = int(found.ends_s - self._now())
        if not self.in_cookie:
            content = session.write_reference(found.id, found.ends_s)
            value = self._seal(content, self._use("reference", host))
            return session_lines(value, self.names, max_age_s, sent)
        try:
            return session_lines(self.seal(found, host), self.names, max_age_s, sent)
        except TooLarge:
            value = self.seal(found.without_id_token(), host)
            return session_lines(value, self.names, max_age_s, sent)

    def seal_login(self, begun: Login, host: str) -> str:
        """Seal a log-in that has begun. Raises Away while there is no key."""
        return self._seal(login.write(begun), self._use("login", host))

    def open_login(self, sealed: str, host: str) -> Login:
        """Open a log-in that has begun. Raises NotSealedHere and Away."""
        return login.read(
            self._following.keyring.open(sealed, self._use("login", host)), self._now()
        )

    def _seal(self, content: bytes, use: bytes) -> str:
        return self._following.keyring.seal(content, use, secrets.token_bytes(NONCE_BYTES))

    def _use(self, kind: str, host: str) -> bytes:
        return use_of(kind, self._name, self._spec.issuer, self._spec.client_id, host)

    def _forget_some(self) -> None:
        """Forget what is over; and if that is little, what has been known longest."""
        now_s = self._now()
        kept = {name: one for name, one in self._newest.items() if one.ends_s > now_s}
        if len(kept) > MOST_SESSIONS // 2:
            kept = dict(list(kept.items())[len(kept) // 2 :])
        self._newest = kept
