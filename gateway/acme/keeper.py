"""Keeps a worker's certificates: it takes those of the registry, and sees to it that they are renewed."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from gateway.acme.deciding.backoff import Backoff
from gateway.acme.deciding.renewal import Work, work
from gateway.acme.deciding.state import Certificate, State
from gateway.acme.describing import described
from gateway.acme.proofs import Proofs
from gateway.acme.shelf import Serve, Shelf
from gateway.acme.spec import AcmeSpec
from gateway.acme.store import Store

#: The certificates that other workers of this gateway serve, of a directory, for these domains.
OfSiblings = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Certificate]]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the registry is looked at, s; for how long a turn holds without a word; pauses after failures."""

    look_s: float = 2.0
    lease_s: float = 15.0
    backoff: Backoff = field(default_factory=Backoff)


class Keeper:
    """Serves the certificates of the spec in force; `take` puts another one in force.

    With the registry away the certificates last known are served on. `file` keeps them for a start
    meanwhile, and `of_siblings` asks other workers. `serve` is told of each new certificate, `prove` of
    the certificates that answer challenges by TLS.
    """

    def __init__(
        self,
        registry: RegistrySettings,
        *,
        worker: str,
        serve: Serve,
        prove: Serve,
        file: Path | None = None,
        of_siblings: OfSiblings | None = None,
        pace: Pace | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.pace = pace or Pace()
        self.rng = rng or random.Random()
        self.shelf = Shelf(serve, file)
        self.proofs = Proofs(prove)
        self.state = State()
        #: Whether the registry answered the last time.
        self.reaches_registry = False
        #: Set once it serves the certificates that others have got before.
        self.has_looked = asyncio.Event()
        self._of_siblings = of_siblings
        self._registry = registry
        self._worker = worker
        self._spec: AcmeSpec | None = None
        self._next: AcmeSpec | None = None
        self._store: Store | None = None
        self._is_told_away = False
        self._changed = asyncio.Event()

    def take(self, spec: AcmeSpec | None) -> None:
        """Put a spec in force; None: no certificates are served any more."""
        self._next = spec
        self._changed.set()

    async def run(self) -> None:
        """Look, take, and order what is due, until cancelled."""
        try:
            while True:
                self._changed.clear()
                await self._adopt(self._next)
                if self._spec is not None and self._store is not None:
                    await self._look(self._spec, self._store)
                    await self.shelf.save(self._spec)
                pause_s = self.pace.look_s * self.rng.uniform(0.8, 1.2)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if self._spec is None else pause_s):
                        await self._changed.wait()
        finally:
            await self._let_go()

    async def answer(self, token: str) -> str | None:
        """The answer to the challenge http-01 with this token; None: it is not one of ours."""
        return None if self._store is None else await self.proofs.answer(token, self._store)

    def held(self, directory: str) -> Mapping[str, Certificate]:
        """The certificates that it serves, by domain; none of another directory."""
        if self._spec is None or self._spec.directory != directory:
            return {}
        return {domain: one.certificate for domain, one in self.shelf.held.items()}

    def describe(self, *, with_evidence: bool = True) -> Mapping[str, Any]:
        """What /status says of it, with or without what the authority said; empty without a spec."""
        if self._spec is None:
            return {}
        return described(
            self._spec,
            self.shelf.terms,
            self.state,
            time.time(),
            reaches_registry=self.reaches_registry,
            with_evidence=with_evidence,
        )

    def ends_in_s(self) -> Mapping[str, float]:
        """In how many seconds the certificate of each domain ends, of those that have one."""
        now_s = time.time()
        return {domain: term.ends_s - now_s for domain, term in self.shelf.terms.items()}

    def failures(self) -> Mapping[str, int]:
        """The failed orders in a row of each domain."""
        domains = self._spec.domains if self._spec else ()
        attempts = self.state.attempts
        return {one: attempts[one].failures if one in attempts else 0 for one in domains}

    def work(self, spec: AcmeSpec, now_s: float) -> Work:
        """What is to be done now."""
        shared = {
            domain: held.term
            for domain, one in self.state.certificates.items()
            if (held := self.shelf.read(domain, one))
        }
        return work(
            spec.domains,
            shared=shared,
            own=self.shelf.terms,
            attempts=self.state.attempts,
            paused_until_s=self.state.paused_until_s,
            renew_before_s=spec.renew_before_s,
            now_s=now_s,
        )

    def take_state(self, spec: AcmeSpec, state: State) -> None:
        """Serve what the registry has."""
        self.state = state
        now_s = time.time()
        for domain in spec.domains:
            shared = state.certificates.get(domain)
            held = None if shared is None else self.shelf.read(domain, shared)
            mine = self.shelf.held.get(domain)
            if held is None or (mine and mine.term.replaces(held.term, domain, now_s)):
                continue
            if mine is None or mine.certificate != held.certificate:
                self.shelf.put(domain, held, "registry")
        self.proofs.take(state.proofs)

    async def _adopt(self, spec: AcmeSpec | None) -> None:
        before = self._spec
        if spec == before and (spec is None or self._store is not None):
            return
        self._spec = spec
        if before is not None and (spec is None or before.directory != spec.directory):
            self.shelf.keep(())  # those of another directory are none of this one
            self.proofs.take({})
            await self._let_go()
        self.state = State()
        if spec is None:
            return
        self.shelf.keep(spec.domains)
        if self._store is None:
            self._store = Store(self._registry, spec.directory, worker=self._worker)
            await self.shelf.load(spec)

    async def _let_go(self) -> None:
        if self._store is not None:
            store, self._store = self._store, None
            await store.close()

    async def _look(self, spec: AcmeSpec, store: Store) -> None:
        try:
            state = await store.look(self.state.version, time.time())
            self._note_reached(None)
            if state is not None:
                self.take_state(spec, state)
            if not self.has_looked.is_set():
                # A registry that has lost everything gets them back from them; none is ordered anew.
                await self._ask_siblings(spec)
                self.has_looked.set()
            if self.work(spec, time.time()):
                # The library is loaded where something is to be done, which is seldom.
                from gateway.acme.renewing import Renewing

                await Renewing(self, spec, store).take_turn()
        except (RedisError, OSError) as error:
            self._note_reached(error)
            await self._ask_siblings(spec)
            self.has_looked.set()

    async def _ask_siblings(self, spec: AcmeSpec) -> None:
        """Serve what siblings have for those domains that lack a certificate."""
        lacking = [domain for domain in spec.domains if domain not in self.shelf.held]
        if self._of_siblings is None or not lacking:
            return
        for domain, certificate in (await self._of_siblings(spec.directory, lacking)).items():
            if held := self.shelf.read(domain, certificate):
                self.shelf.put(domain, held, "sibling")

    def _note_reached(self, error: Exception | None) -> None:
        self.reaches_registry = error is None
        if error is not None and not self._is_told_away:
            detail = str(error) or "no answer in time"
            _log.warning("certificate.registry_away", detail=detail)
        elif error is None and self._is_told_away:
            _log.info("certificate.registry_back")
        self._is_told_away = error is not None
