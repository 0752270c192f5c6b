"""A browser's session: what it holds, its sealed form, and what is due at a time (Unix seconds)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

import orjson

from middlewares.auth.ways.oidc.deciding.sealing import NotSealedHere
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed, Tokens

#: Tokens are renewed in the last quarter of their life, at most this long ahead of its end.
MOST_AHEAD_S: Final = 60.0
_AHEAD_SHARE: Final = 0.25
#: Claims that protect one log-in or one token, and say nothing about the user.
_SPENT = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})


class Standing(Enum):
    """What a session needs."""

    #: Nothing.
    FRESH = "fresh"
    #: New tokens, soon; those that it has are still valid.
    DUE = "due"
    #: New tokens, now.
    OVERDUE = "overdue"
    #: It is over.
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Session:
    """Who logged in, for how long, and the tokens that renew it.

    `generation` grows by one each time the tokens are renewed. `tokens_end_s` None: they are not renewed,
    because there is no refresh token.
    """

    id: str = field(repr=False)
    generation: int
    subject: str
    sid: str
    claims: Mapping[str, Any] = field(repr=False)
    scopes: tuple[str, ...]
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    began_s: float
    ends_s: float
    renew_s: float
    tokens_end_s: float | None

    @property
    def user(self) -> str:
        """The provider's own name for the user, which log-outs by it use."""
        return str(self.claims.get("sub", ""))

    def standing(self, now_s: float) -> Standing:
        """What it needs at this time."""
        if now_s >= self.ends_s:
            return Standing.OVER
        if self.tokens_end_s is None or now_s < self.renew_s:
            return Standing.FRESH
        return Standing.DUE if now_s < self.tokens_end_s else Standing.OVERDUE

    def next_look_s(self) -> float:
        """Until when nothing is due."""
        return self.ends_s if self.tokens_end_s is None else min(self.renew_s, self.ends_s)

    def without_id_token(self) -> "Session":
        """The session without the token that only log-out at the provider uses, to make it small."""
        return replace(self, id_token="")


def begin(
    tokens: Tokens,
    claims: Mapping[str, Any],
    *,
    session_id: str,
    subject: str,
    asked: tuple[str, ...],
    lasts_s: float,
    now_s: float,
) -> Session:
    """The session of a log-in whose ID token has these verified claims; `subject` names a claim.

    `asked` are the scopes that were asked for: the provider names those that it granted only if they differ.
    Raises NotAsAgreed if the claim is not there.
    """
    found = claims.get(subject)
    if not isinstance(found, str) or not found:
        raise NotAsAgreed(f"the ID token has no text as {subject}")
    return Session(
        id=session_id,
        generation=0,
        subject=found,
        sid=_sid(claims),
        claims=_lasting(claims),
        scopes=asked if tokens.scopes is None else tokens.scopes,
        id_token=tokens.id_token,
        refresh_token=tokens.refresh_token,
        began_s=now_s,
        ends_s=now_s + lasts_s,
        renew_s=_renew_s(tokens, now_s),
        tokens_end_s=_tokens_end_s(tokens, now_s),
    )


def renewed(
    session: Session, tokens: Tokens, claims: Mapping[str, Any] | None, now_s: float
) -> Session:
    """The session with new tokens; its end stays. `claims` None: there was no new ID token."""
    tokens = replace(tokens, refresh_token=tokens.refresh_token or session.refresh_token)
    return replace(
        session,
        generation=session.generation + 1,
        sid=session.sid if claims is None else _sid(claims) or session.sid,
        claims=session.claims if claims is None else _lasting(claims),
        scopes=session.scopes if tokens.scopes is None else tokens.scopes,
        id_token=tokens.id_token or session.id_token,
        refresh_token=tokens.refresh_token,
        renew_s=_renew_s(tokens, now_s),
        tokens_end_s=_tokens_end_s(tokens, now_s),
    )


def _sid(claims: Mapping[str, Any]) -> str:
    sid = claims.get("sid")
    return sid if isinstance(sid, str) else ""


def _lasting(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in _SPENT}


def _renew_s(tokens: Tokens, now_s: float) -> float:
    return now_s + tokens.lasts_s - min(MOST_AHEAD_S, tokens.lasts_s * _AHEAD_SHARE)


def _tokens_end_s(tokens: Tokens, now_s: float) -> float | None:
    return now_s + tokens.lasts_s if tokens.refresh_token else None


def write(session: Session) -> bytes:
    """The session as it is sealed."""
    return orjson.dumps(
        [
            *(session.id, session.generation, session.subject, session.sid, session.claims),
            *(session.scopes, session.id_token, session.refresh_token),
            *(session.began_s, session.ends_s, session.renew_s, session.tokens_end_s),
        ]
    )


def read(content: bytes) -> Session:
    """The session that `write` wrote. Raises NotSealedHere if it is of another form."""
    try:
        values = orjson.loads(content)
        session = Session(*values)
        return replace(session, scopes=tuple(session.scopes))
    except (TypeError, ValueError) as error:
        raise NotSealedHere("not a session of this version") from error


def write_reference(session_id: str, ends_s: float) -> bytes:
    """What a cookie holds if the session itself is in the registry."""
    return orjson.dumps([session_id, ends_s])


def read_reference(content: bytes) -> tuple[str, float]:
    """The id and end that `write_reference` wrote. Raises NotSealedHere if it is of another form."""
    try:
        session_id, ends_s = orjson.loads(content)
        return str(session_id), float(ends_s)
    except (TypeError, ValueError) as error:
        raise NotSealedHere("not a reference to a session") from error
