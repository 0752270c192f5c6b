"""Log-outs: the marks by which every gateway knows that a session is over, and log-out tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode

from middlewares.auth.ways.oidc.deciding.session import Session
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

#: The event of a back-channel log-out (OpenID Connect Back-Channel Logout §2.4).
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
#: A log-out token is taken this long after it was issued, its leeway apart.
LOGOUT_TOKEN_S: Final = 120.0
_MOST_JTI = 512

#: Of one session; of every session of one log-in at the provider; of every session of one user.
Kind = Literal["id", "sid", "sub"]
_KINDS: Final[Mapping[str, Kind]] = {"id": "id", "sid": "sid", "sub": "sub"}
_FORM = re.compile(r"(id|sid|sub) (\d{1,12}(?:\.\d{1,7})?) (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """Ends the sessions of `kind` and `value` that began at or before `at_s` (Unix seconds)."""

    kind: Kind
    value: str = field(repr=False)
    at_s: float

    def write(self) -> str:
        """As it stands in the registry."""
        return f"{self.kind} {self.at_s:.3f} {self.value}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that `write` wrote; None for what is none, which other versions may write."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        return cls(_KINDS[found[1]], found[3], float(found[2]))


class Marks:
    """The marks of one way, of which a worker forgets those that can end nothing any more."""

    def __init__(self) -> None:
        self._at_s: dict[tuple[Kind, str], float] = {}

    def __len__(self) -> int:
        return len(self._at_s)

    def all(self) -> list[Mark]:
        """Every mark that is known."""
        return [Mark(kind, value, at_s) for (kind, value), at_s in self._at_s.items()]

    def add(self, mark: Mark) -> bool:
        """Take in a mark; False if an equal or later one was there."""
        key = mark.kind, mark.value
        if mark.at_s <= self._at_s.get(key, 0.0):
            return False
        self._at_s[key] = mark.at_s
        return True

    def end(self, session: Session) -> bool:
        """Whether a session is over by one of the marks."""
        if ("id", session.id) in self._at_s:
            return True
        by_sid = self._at_s.get(("sid", session.sid), 0.0) if session.sid else 0.0
        return session.began_s <= max(by_sid, self._at_s.get(("sub", session.user), 0.0))

    def forget(self, before_s: float) -> None:
        """Forget marks that were set before this time: the sessions that they end have ended by themselves."""
        old = [key for key, at_s in self._at_s.items() if at_s < before_s]
        for key in old:
            del self._at_s[key]


def read_logout_claims(
    claims: Mapping[str, Any], *, now_s: float, leeway_s: float
) -> tuple[Mark, str]:
    """The mark that a verified log-out token sets, and its `jti`.

    OpenID Connect Back-Channel Logout §2.6. Raises NotAsAgreed.
    """
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise NotAsAgreed("it is no log-out token")
    if "nonce" in claims:
        raise NotAsAgreed("a log-out token has no nonce")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_JTI:
        raise NotAsAgreed("the log-out token has no jti")
    issued_s = claims.get("iat")
    if isinstance(issued_s, bool) or not isinstance(issued_s, int | float):
        raise NotAsAgreed("the log-out token does not say when it was issued")
    if not now_s - LOGOUT_TOKEN_S - leeway_s <= issued_s <= now_s + leeway_s:
        raise NotAsAgreed("the log-out token is too old, or of a time to come")
    for kind in (_KINDS["sid"], _KINDS["sub"]):
        value = claims.get(kind)
        if isinstance(value, str) and value:
            return Mark(kind, value, now_s), jti
    raise NotAsAgreed("the log-out token names neither a session nor a user")


def end_session_url(endpoint: str, *, client_id: str, id_token: str, after: str | None) -> str:
    """Where the browser goes to log out at the provider (OpenID Connect RP-Initiated Logout §2).

    `after` is where the provider may send it then, as it is registered there.
    """
    parameters = {"client_id": client_id}
    if id_token:
        parameters["id_token_hint"] = id_token
    if after:
        parameters["post_logout_redirect_uri"] = after
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"
