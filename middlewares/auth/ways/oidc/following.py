"""Follows what the gateways share of a way in the registry: the secret, and who was logged out."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog

from middlewares.auth.ways.oidc.deciding.ending import Mark, Marks
from middlewares.auth.ways.oidc.deciding.sealing import Keyring
from middlewares.auth.ways.oidc.spec import LEAST_SECRET_BYTES, OidcSpec
from middlewares.auth.ways.oidc.store import FROM_THE_FIRST, Away, SessionStore

#: How often the registry is asked who was logged out.
READ_EVERY_S: Final = 0.25
#: How long the first requests wait for the registry's first answer.
HEARS_WITHIN_S: Final = 1.0
#: How often everything is compared, so that a registry that lost its data has it again.
COMPARE_EVERY_S: Final = 30.0

_log = structlog.get_logger()


class Following:
    """Knows the secret and the log-outs. Losing the registry forgets neither."""

    def __init__(
        self, spec: OidcSpec, name: str, store: SessionStore, now: Callable[[], float]
    ) -> None:
        self.marks = Marks()
        self.is_current = False
        #: It was known at some time who was logged out.
        self.has_read = False
        #: Called after somebody was logged out.
        self.ended: Callable[[], None] = lambda: None
        self._spec = spec
        self._name = name
        self._store = store
        self._now = now
        self._secret = b""
        self._asked = asyncio.Event()
        #: The registry has not been told of each log-out.
        self._owes = False
        self._keyring = Keyring.of_secrets(spec.secrets) if spec.secrets else None

    def go_on(self, before: "Following") -> None:
        """Know what the way knew that had this name before."""
        self.marks = before.marks
        self.has_read = before.has_read
        self._owes = before._owes
        self._secret = before._secret
        if self._secret and not self._spec.secrets:
            self._keyring = Keyring.of_secrets([self._secret])

    @property
    def keyring(self) -> Keyring:
        """What seals sessions. Raises Away if the secret is the registry's and is not known yet."""
        if self._keyring is None:
            raise Away("the secret of the sessions is not known yet")
        return self._keyring

    async def require_log_outs(self) -> None:
        """Raise Away if it was never known who was logged out: an old cookie must not be good again.

        Where that was not asked yet, as at the start, it waits a moment.
        """
        if not self.has_read:
            await self.first_answer(HEARS_WITHIN_S)
        if not self.has_read:
            raise Away("the registry has not said yet who was logged out")

    async def first_answer(self, within_s: float) -> None:
        """Wait until the registry was asked once, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._asked.wait()

    async def end(self, mark: Mark) -> None:
        """Log out: here at once, and everywhere else within a second. Raises Away if others can't be told.

        They will be told when the registry is back.
        """
        self._take(mark)
        try:
            await self._store.mark(mark, self._spec.lasts_s, self._now())
        except Away:
            self._owes = True
            raise

    def end_here(self, mark: Mark) -> None:
        """Log out in this worker alone, until the registry is back."""
        self._take(mark)
        self._owes = True

    def _take(self, mark: Mark) -> None:
        if self.marks.add(mark):
            self.ended()

    async def run(self) -> None:
        """Follow the registry until cancelled."""
        known_to, compared_s = FROM_THE_FIRST, float("-inf")
        while True:
            try:
                if self._owes or time.monotonic() - compared_s >= COMPARE_EVERY_S:
                    self._owes = False
                    known_to = await self._compare()
                    compared_s = time.monotonic()
                else:
                    known_to, _ = await self._read(known_to)
                if not self.is_current:
                    _log.info("oidc.shared", way=self._name)
                self.is_current = self.has_read = True
            except Away as away:
                if self.is_current:
                    _log.warning("oidc.alone", way=self._name, detail=str(away))
                self.is_current, compared_s = False, float("-inf")
            self._asked.set()
            await asyncio.sleep(READ_EVERY_S)

    async def _compare(self) -> str:
        """Read everything, and say again what the registry has lost."""
        if not self._spec.secrets:
            await self._share_secret()
        known_to, there = await self._read(FROM_THE_FIRST)
        self.marks.forget(self._now() - self._spec.lasts_s)
        for mark in self.marks.all():
            if (mark.kind, mark.value) not in there:
                await self._store.mark(mark, self._spec.lasts_s, self._now())
        return known_to

    async def _share_secret(self) -> None:
        proposed = self._secret or secrets.token_bytes(LEAST_SECRET_BYTES)
        shared = await self._store.secret(proposed)
        if shared == self._secret:
            return
        # The secret from before a loss of data still opens what it has sealed.
        before = [self._secret] if self._secret else []
        self._secret = shared
        self._keyring = Keyring.of_secrets([shared, *before])

    async def _read(self, known_to: str) -> tuple[str, set[tuple[str, str]]]:
        """Take in the marks after a place; returns the new place, and what was read."""
        there: set[tuple[str, str]] = set()
        while True:
            marks, known_to, is_all = await self._store.marks_after(known_to)
            for mark in marks:
                there.add((mark.kind, mark.value))
                self._take(mark)
            if is_all:
                return known_to, there
