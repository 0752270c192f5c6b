"""Keeps a worker's certificates: it takes those of the registry, and sees to it that they are renewed."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from discovery.client.describing import rfc3339
from discovery.model.settings import RegistrySettings
from gateway.acme import saved
from gateway.acme.certificates import WrongCertificate, challenge_certificate, term_of
from gateway.acme.deciding.backoff import Backoff
from gateway.acme.deciding.renewal import Term, Work, work
from gateway.acme.deciding.state import Certificate, Proof, State
from gateway.acme.spec import HTTP_01, TLS_ALPN_01, AcmeSpec
from gateway.acme.store import Store

#: A certificate by domain; None takes the one of the domain away.
Serve = Callable[[str, Certificate | None], None]

#: Questions for unknown tokens that may be at the registry at a time: anybody can ask them.
_ASKED_AT_ONCE = 8
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the registry is looked at, s; for how long a turn holds without a word; pauses after failures."""

    look_s: float = 2.0
    lease_s: float = 15.0
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate that is served, and what it says."""

    certificate: Certificate
    term: Term


class Keeper:
    """Serves the certificates of the spec in force; `take` puts another one in force.

    With the registry away the certificates last known are served on. `file` keeps them for a start
    meanwhile. `serve` is told of each new certificate, `prove` of the certificates that answer
    challenges by TLS.
    """

    def __init__(
        self,
        registry: RegistrySettings,
        *,
        worker: str,
        serve: Serve,
        prove: Serve,
        file: Path | None = None,
        pace: Pace | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.pace = pace or Pace()
        self.rng = rng or random.Random()
        self.held: dict[str, Held] = {}
        self.state = State()
        #: Whether the registry answered the last time.
        self.reaches_registry = False
        self._registry = registry
        self._worker = worker
        self._serve = serve
        self._prove = prove
        self._file = file
        self._spec: AcmeSpec | None = None
        self._next: AcmeSpec | None = None
        self._store: Store | None = None
        self._is_told_away = False
        self._is_unsaved = False
        self._changed = asyncio.Event()
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._proofs: Mapping[str, Proof] = {}
        #: Those that are answered by TLS, by their domain.
        self._proved: dict[str, Proof] = {}
        #: Certificates that were found unfit, so that each is logged once.
        self._unfit: set[Certificate] = set()

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
                    await self._save(self._spec)
                pause_s = self.pace.look_s * self.rng.uniform(0.8, 1.2)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if self._spec is None else pause_s):
                        await self._changed.wait()
        finally:
            if self._store is not None:
                await self._store.close()
                self._store = None
            self._spec = None

    async def answer(self, path_token: str) -> str | None:
        """The answer to the challenge http-01 with this token; None: it is not one of ours."""
        store, now_s = self._store, time.time()
        if store is None or not _TOKEN.fullmatch(path_token):
            return None
        proof = self._proofs.get(path_token)
        if proof is None:
            try:
                async with self._asking:
                    proof = await store.proof(path_token, now_s)
            except Exception as error:  # noqa: BLE001 - it can't be told apart from no answer
                _log.warning("certificate.challenge_not_answered", detail=str(error))
        return proof.answer if proof is not None and proof.challenge == HTTP_01 else None

    def describe(self, *, with_evidence: bool = True) -> Mapping[str, Any]:
        """What /status says of it, with or without what the authority said; empty without a spec."""
        spec, now_s = self._spec, time.time()
        if spec is None:
            return {}
        certificates = {one: self._describe(one, spec, now_s) for one in spec.domains}
        if not with_evidence:
            for told in certificates.values():
                told.pop("why", None)
        return {
            "directory": spec.directory,
            "registry_reached": self.reaches_registry,
            "certificates": certificates,
        }

    def ends_in_s(self) -> Mapping[str, float]:
        """In how many seconds the certificate of each domain ends, of those that have one."""
        now_s = time.time()
        return {domain: held.term.ends_s - now_s for domain, held in self.held.items()}

    def failures(self) -> Mapping[str, int]:
        """The failed orders in a row of each domain."""
        domains = self._spec.domains if self._spec else ()
        attempts = self.state.attempts
        return {one: attempts[one].failures if one in attempts else 0 for one in domains}

    def work(self, spec: AcmeSpec, now_s: float) -> Work:
        """What is to be done now."""
        return work(
            spec.domains,
            shared={
                domain: held.term
                for domain, one in self.state.certificates.items()
                if (held := self._read(domain, one))
            },
            own={domain: held.term for domain, held in self.held.items()},
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
            held = None if shared is None else self._read(domain, shared)
            mine = self.held.get(domain)
            if held is None or (mine and mine.term.replaces(held.term, domain, now_s)):
                continue
            if mine is None or mine.certificate != held.certificate:
                self.serve(domain, held)
                _log_taken(domain, held, "registry")
        self.take_proofs(state.proofs)

    def serve(self, domain: str, held: Held) -> None:
        """Serve a certificate to new connections; the file gets it soon."""
        self.held[domain] = held
        self._serve(domain, held.certificate)
        self._is_unsaved = True

    def take_proofs(self, proofs: Mapping[str, Proof]) -> None:
        """Answer these challenges, by their tokens; others by HTTP are looked for in the registry."""
        self._proofs = dict(proofs)
        wanted = {one.domain: one for one in proofs.values() if one.challenge == TLS_ALPN_01}
        for domain in self._proved.keys() - wanted.keys():
            self._prove(domain, None)
        for domain, proof in wanted.items():
            if self._proved.get(domain) != proof:
                self._prove(domain, challenge_certificate(domain, proof.answer, time.time()))
        self._proved = wanted

    async def _adopt(self, spec: AcmeSpec | None) -> None:
        before = self._spec
        if spec == before:
            return
        self._spec = spec
        directory = spec.directory if spec else None
        if before is not None and before.directory != directory:
            self.state = State()
            self._drop(self.held.copy())
        if self._store is not None and (before is None or before.directory != directory):
            await self._store.close()
            self._store = None
        if spec is None:
            self._drop(self.held.copy())
            self.take_proofs({})
            return
        self._drop(self.held.keys() - set(spec.domains))
        self.state = State(version="", proofs=self.state.proofs)
        if self._store is None:
            self._store = Store(self._registry, spec.directory, worker=self._worker)
            await self._load(spec)

    def _drop(self, domains: "set[str] | dict[str, Held]") -> None:
        for domain in domains:
            del self.held[domain]
            self._serve(domain, None)

    async def _load(self, spec: AcmeSpec) -> None:
        """Serve what the file has, until the registry is heard of."""
        if self._file is None:
            return
        kept = await asyncio.to_thread(saved.load, self._file, spec.directory)
        for domain, certificate in kept.items():
            if domain in spec.domains and (held := self._read(domain, certificate)):
                self.held[domain] = held
                self._serve(domain, certificate)
                _log_taken(domain, held, "file")

    async def _save(self, spec: AcmeSpec) -> None:
        """Write the file, if it lacks something."""
        if self._file is None or not self._is_unsaved:
            return
        self._is_unsaved = False
        kept = {domain: one.certificate for domain, one in self.held.items()}
        try:
            await asyncio.to_thread(saved.save, self._file, spec.directory, kept)
        except OSError as error:
            detail = error.strerror
            _log.warning("certificate.not_saved", path=str(self._file), detail=detail)

    async def _look(self, spec: AcmeSpec, store: Store) -> None:
        try:
            state = await store.look(self.state.version, time.time())
            self._note_reached(None)
            if state is not None:
                self.take_state(spec, state)
            if self.work(spec, time.time()):
                # The library is loaded where something is to be done, which is seldom.
                from gateway.acme.renewing import Renewing

                await Renewing(self, spec, store).take_turn()
        except Exception as error:
            from redis.exceptions import RedisError

            if not isinstance(error, RedisError | OSError):
                raise
            self._note_reached(error)

    def _note_reached(self, error: Exception | None) -> None:
        self.reaches_registry = error is None
        if error is not None and not self._is_told_away:
            detail = str(error) or "no answer in time"
            _log.warning("certificate.registry_away", detail=detail)
        elif error is None and self._is_told_away:
            _log.info("certificate.registry_back")
        self._is_told_away = error is not None

    def _read(self, domain: str, certificate: Certificate) -> Held | None:
        mine = self.held.get(domain)
        if mine is not None and mine.certificate == certificate:
            return mine
        try:
            return Held(certificate, term_of(certificate))
        except WrongCertificate as error:
            if certificate not in self._unfit:
                self._unfit = {*list(self._unfit)[-99:], certificate}
                _log.warning("certificate.unfit", domain=domain, detail=str(error))
            return None

    def _describe(self, domain: str, spec: AcmeSpec, now_s: float) -> dict[str, Any]:
        held, attempt = self.held.get(domain), self.state.attempts.get(domain)
        told: dict[str, Any] = {"ends_at": None, "ends_in_s": None, "renewed_in_s": None}
        if held is not None:
            due_in_s = held.term.due_at_s(spec.renew_before_s) - now_s
            told = {
                "ends_at": _rfc3339(held.term.ends_s),
                "ends_in_s": round(held.term.ends_s - now_s),
                "renewed_in_s": max(0, round(due_in_s)),
            }
        told["failures"] = attempt.failures if attempt else 0
        if attempt is not None:
            again_at_s = max(attempt.again_at_s, self.state.paused_until_s)
            told["again_in_s"] = max(0, round(again_at_s - now_s))
            told["why"] = attempt.why
        return told


def _log_taken(domain: str, held: Held, source: str) -> None:
    ends_at = _rfc3339(held.term.ends_s)
    _log.info("certificate.taken", domain=domain, ends_at=ends_at, source=source)


def _rfc3339(unix_s: float) -> str:
    return rfc3339(round(unix_s * 1000))
