"""What the gateways share of a way's sessions, in the registry. Whatever is said here is sealed or hashed."""

import hashlib
from pathlib import Path
from typing import Any, Final, Literal

from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from middlewares.auth.ways.oidc.deciding.ending import Mark
from middlewares.auth.ways.oidc.spec import LEAST_SECRET_BYTES

#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S: Final = 0.25
#: A renewal that takes longer is over, whatever became of it. The provider may take 5 s to give new tokens, and
#: 5 s more to give its keys; a second renewal before that would use the spent refresh token.
RENEWAL_MS: Final = 15_000
#: Marks that one reading takes in; the next one goes on from there.
MARKS_PER_READ: Final = 1000

#: Before the first mark.
FROM_THE_FIRST: Final = ""

_LUA = Path(__file__).with_name("lua")


class Away(Exception):
    """The registry does not answer, or refuses."""


class Renewal:
    """The answer to who renews a session: `yours`, `wait`, or `newer` with the newest session, sealed."""

    def __init__(self, word: Literal["yours", "wait", "newer"], sealed: str = "") -> None:
        self.word = word
        self.sealed = sealed


class SessionStore:
    """One connection to the registry for the sessions of one way; each call raises Away."""

    def __init__(self, settings: RegistrySettings, way: str) -> None:
        self._link = Link(settings.redis_url)
        self._prefix = f"{tag(settings.namespace)}:oidc:{way}"
        self._begin = Script((_LUA / "begin_renewal.lua").read_text("utf-8"))
        self._end = Script((_LUA / "end_renewal.lua").read_text("utf-8"))

    async def secret(self, proposed: bytes) -> bytes:
        """The secret that all gateways seal with: the one that is there, or else the proposed one."""
        key = f"{self._prefix}:secret"
        await self._call("SET", key, proposed, "NX")
        there = await self._call("GET", key)
        if not isinstance(there, bytes) or len(there) < LEAST_SECRET_BYTES:
            raise Away("the registry keeps no secret")
        return there

    async def newest(self, session_id: str) -> str | None:
        """The newest session of this id, sealed; None: none is kept."""
        sealed = await self._call("HGET", self._session(session_id), "s")
        return sealed.decode() if isinstance(sealed, bytes) else None

    async def begin_renewal(self, session_id: str, generation: int, token: str) -> Renewal:
        """Ask who renews the session, of which the caller knows this generation."""
        keys = self._session(session_id), self._lock(session_id)
        word, *rest = await self._run(self._begin, keys, (generation, token, RENEWAL_MS))
        if word == b"newer":
            return Renewal("newer", rest[0].decode())
        return Renewal("yours" if word == b"yours" else "wait")

    async def keep(
        self, session_id: str, generation: int, sealed: str, lasts_s: float, token: str = ""
    ) -> None:
        """Keep a session for everybody until it ends, and end the renewal that has this `token`."""
        keys = self._session(session_id), self._lock(session_id)
        lasts_ms = max(1, round(lasts_s * 1000))
        await self._run(self._end, keys, (generation, sealed, lasts_ms, token))

    async def hold_off(self, session_id: str, ms: int) -> None:
        """Let nobody renew the session for a while: the provider has just failed to."""
        await self._call("PEXPIRE", self._lock(session_id), ms)

    async def use_once(self, what: str, lasts_s: float) -> bool:
        """Use something that may be used once; False if it was used before."""
        key = f"{self._prefix}:used:{_hashed(what)}"
        return await self._call("SET", key, "1", "NX", "PX", round(lasts_s * 1000)) is not None

    async def mark(self, mark: Mark, lasts_s: float, now_s: float) -> None:
        """Tell every gateway of a log-out. Marks from before the longest session are dropped."""
        key = f"{self._prefix}:ended"
        oldest_ms = max(0, round((now_s - lasts_s) * 1000))
        await self._call("XADD", key, "MINID", "~", oldest_ms, "*", "mark", mark.write())
        await self._call("PEXPIRE", key, round(lasts_s * 1000))
        if mark.kind == "id":
            await self._call("DEL", self._session(mark.value))

    async def marks_after(self, known_to: str) -> tuple[list[Mark], str, bool]:
        """The marks after a place in their order, the place to go on from, and whether these are all."""
        begin = f"({known_to}" if known_to else "-"
        key = f"{self._prefix}:ended"
        entries = await self._call("XRANGE", key, begin, "+", "COUNT", MARKS_PER_READ)
        marks = []
        for entry_id, fields in entries:
            known_to = entry_id.decode()
            mark = Mark.read(fields[-1].decode("utf-8", "replace"))
            if mark is not None:
                marks.append(mark)
        return marks, known_to, len(entries) < MARKS_PER_READ

    async def close(self) -> None:
        """Let go of the registry."""
        await self._link.close()

    def _session(self, session_id: str) -> str:
        return f"{self._prefix}:session:{_hashed(session_id)}"

    def _lock(self, session_id: str) -> str:
        return f"{self._prefix}:renewal:{_hashed(session_id)}"

    async def _call(self, *command: str | bytes | int) -> Any:
        try:
            return await self._link.call(*command, within_s=ANSWER_WITHIN_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise Away(type(error).__name__) from error

    async def _run(self, script: Script, keys: tuple[str, ...], args: tuple[str | int, ...]) -> Any:
        try:
            return await self._link.run(script, keys, args, within_s=ANSWER_WITHIN_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise Away(type(error).__name__) from error


def _hashed(secret: str) -> str:
    # Who can read the registry's keys can't make a cookie of one.
    return hashlib.sha256(secret.encode()).hexdigest()
