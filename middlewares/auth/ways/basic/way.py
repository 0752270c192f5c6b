"""Checks user names and passwords, and remembers those that were right for a while."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from middlewares.auth.deciding import Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.basic.checking import is_password
from middlewares.auth.ways.basic.deciding import challenge, key_of, stand_in, user_pass
from middlewares.auth.ways.basic.htpasswd import Hashed
from middlewares.auth.ways.basic.spec import BasicSpec
from middlewares.auth.ways.basic.turns import NoTurn, Turns
from middlewares.clients.deciding import limit_key
from middlewares.memory import Memory

#: How many checked passwords are remembered.
REMEMBERED: Final = 4096
_RETRY_AFTER_S: Final = 1
_KEY_BYTES: Final = 32
_WRONG: Final = NotAdmitted("an unknown name, or a wrong password")


class BasicWay:
    """The users of a file. A new content of the file makes a new object, which remembers nothing.

    `clock` is in seconds and never goes back. `is_password` says whether a password is that of a hash; it is
    called in a thread.
    """

    def __init__(
        self,
        spec: BasicSpec,
        *,
        clock: Callable[[], float] = time.monotonic,
        is_password: Callable[[Hashed, str], bool] = is_password,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self._challenge = challenge(spec.realm)
        #: By a hash with a secret; each with the time until which it holds.
        self.checked: Memory[bytes, tuple[Identity, float]] = Memory(
            f"auth_{spec.name}", entries=REMEMBERED, entry_bytes=_KEY_BYTES
        )
        self._users = dict(spec.users)
        self.clock = clock
        self.is_password = is_password
        self._turns = Turns()
        self._secret = secrets.token_bytes(_KEY_BYTES)
        #: The checks that run, so that the same password is not checked twice at a time.
        self._checks: dict[bytes, asyncio.Future[Verdict]] = {}

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        return self._challenge

    def takes(self, asked: Asked) -> bool:
        return asked.credentials.scheme == b"basic"

    def known(self, asked: Asked) -> Identity | None:
        return self._remembered(key_of(self._secret, asked.credentials.token))

    async def decide(self, asked: Asked) -> Verdict:
        token = asked.credentials.token
        key = key_of(self._secret, token)
        while (running := self._checks.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        found = self._remembered(key)
        if found is not None:
            return found
        check: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._checks[key] = check
        try:
            verdict = await self._check(token, limit_key(asked.exchange.client_ip))
            check.set_result(verdict)
        finally:
            del self._checks[key]
            check.cancel()  # does nothing to one with a result
        if isinstance(verdict, Identity) and self.spec.remember_s:
            until_s = self.clock() + self.spec.remember_s
            self.checked.keep(key, (verdict, until_s), len(key))
        return verdict

    async def without_credential(self, _asked: Asked) -> Answered | None:
        return None

    def without_session(self, cookie: bytes) -> bytes:
        return cookie

    async def run(self) -> None:
        return

    def describe(self) -> Mapping[str, object]:
        return {"users": len(self._users), "remembered": len(self.checked)}

    def _remembered(self, key: bytes) -> Identity | None:
        found = self.checked.recall(key)
        if found is None or self.clock() >= found[1]:
            return None
        return found[0]

    async def _check(self, token: bytes, client: str) -> Verdict:
        sent = user_pass(token)
        if sent is None or not self._users:
            return _WRONG
        hashed = self._users.get(sent.name)
        checked = hashed or self.spec.users[stand_in(self._secret, self.spec.users, sent.name)][1]
        try:
            is_right = await self._turns.run(
                client, partial(self.is_password, checked, sent.password)
            )
        except NoTurn as no_turn:
            return Undecided(str(no_turn), _RETRY_AFTER_S)
        if hashed is None or not is_right:
            return _WRONG
        return Identity(self.name, "basic", sent.name)
