"""One turn of a worker: it orders the certificates that are due, while no other worker does."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import structlog
from josepy.errors import Error as JoseError
from josepy.jwk import JWK, JWKEC
from redis.exceptions import RedisError

from discovery.client.describing import rfc3339
from gateway.acme.certificates import WrongCertificate, key_pem, new_key, term_of
from gateway.acme.deciding.renewal import Attempt
from gateway.acme.deciding.state import (
    ACCOUNT,
    ATTEMPT,
    CERTIFICATE,
    PAUSED,
    Proof,
    encode_attempt,
    encode_certificate,
    encode_proof,
)
from gateway.acme.directory import AcmeError, Directory
from gateway.acme.keeper import Keeper
from gateway.acme.ordering import Ordering
from gateway.acme.shelf import Held
from gateway.acme.spec import TLS_ALPN_01, AcmeSpec
from gateway.acme.store import PROOFS_FOR_S, Store, Turn, TurnLost

_NOT_FIT = "the certificate is for another name, or its time is over"

_log = structlog.get_logger()


@dataclass(slots=True)
class Renewing:
    """The orders of one turn; it raises redis-py's errors and TimeoutError."""

    keeper: Keeper
    spec: AcmeSpec
    store: Store
    _tokens: dict[str, Proof] = field(default_factory=dict)

    async def take_turn(self) -> None:
        """Do what is due, if no other worker has the turn."""
        turn = await self.store.claim(self.keeper.pace.lease_s)
        if turn is None:
            return
        try:
            # The one before may have done it.
            state = await self.store.look("", time.time())
            if state is not None:
                self.keeper.take_state(self.spec, state)
            await self._in_turn(turn)
        except TurnLost:
            _log.warning("certificate.turn_lost", detail="another worker goes on")
        finally:
            with contextlib.suppress(Exception):
                await self.store.end(turn)

    async def _in_turn(self, turn: Turn) -> None:
        """Work while the turn is kept; it ends with the first error of either."""
        working = asyncio.ensure_future(self._work(turn))
        keeping = asyncio.ensure_future(self._keep(turn))
        try:
            done, _ = await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            working.cancel()
            keeping.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)

    async def _keep(self, turn: Turn) -> None:
        lease_s = self.keeper.pace.lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            # An order goes on while the registry is away: the authority has counted it. TurnLost ends it.
            with contextlib.suppress(RedisError, OSError):
                await self.store.change(turn, lease_s)

    async def _work(self, turn: Turn) -> None:
        work = self.keeper.work(self.spec, time.time())
        for domain in work.put_back:
            encoded = encode_certificate(self.keeper.shelf.held[domain].certificate)
            await self._change(turn, {CERTIFICATE + domain: encoded})
            _log.info("certificate.put_back", domain=domain)
        if not work.order:
            return
        # Counted as failed before anything is asked: whoever is killed in the midst of it, and starts
        # again at once, must not ask the authority each time.
        failures = self._failures(work.order)
        marks = {one: self._attempt(failures[one] + 1, "", None) for one in work.order}
        await self._note(turn, marks)
        context = await asyncio.to_thread(ssl.create_default_context, cadata=self.spec.ca)
        async with aiohttp.ClientSession(trust_env=False) as session:
            key = await self._account_key(turn)
            directory = Directory(session, self.spec.directory, context, key)

            async def publish(token: str, proof: Proof) -> None:
                await self._publish(turn, token, proof)

            ordering = Ordering(directory, self.spec, publish)
            try:
                terms = await ordering.register()
            except AcmeError as error:
                await self._failed(turn, failures, error)
                return
            _log.info("certificate.ordering", domains=work.order, terms_agreed=terms)
            for domain in work.order:
                if not await self._order(turn, ordering, domain, failures[domain]):
                    return

    async def _order(self, turn: Turn, ordering: Ordering, domain: str, failures: int) -> bool:
        """Order one certificate; False: the authority takes no other order now."""
        try:
            certificate = await ordering.obtain(domain, failures)
            held = Held(certificate, term_of(certificate))
        except WrongCertificate as error:
            await self._failed(turn, {domain: failures}, AcmeError(str(error)))
            return True
        except AcmeError as error:
            await self._failed(turn, {domain: failures}, error)
            return not error.for_all
        if held.term.serves(domain, time.time()):
            await self._obtained(turn, domain, held)
        else:
            await self._failed(turn, {domain: failures}, AcmeError(_NOT_FIT))
        return True

    async def _obtained(self, turn: Turn, domain: str, held: Held) -> None:
        # First here: the registry may be away just now, and gets it when it is back.
        self.keeper.shelf.put(domain, held)
        ends_at = rfc3339(round(held.term.ends_s * 1000))
        _log.info("certificate.obtained", domain=domain, ends_at=ends_at)
        encoded = encode_certificate(held.certificate)
        await self._change(turn, {CERTIFICATE + domain: encoded, ATTEMPT + domain: ""})

    async def _failed(self, turn: Turn, failures: Mapping[str, int], error: AcmeError) -> None:
        attempts = {
            domain: self._attempt(before + 1, str(error), error.retry_after_s)
            for domain, before in failures.items()
        }
        for domain, attempt in attempts.items():
            _log.warning(
                "certificate.renewal_failed",
                domain=domain,
                detail=attempt.why,
                failures=attempt.failures,
                again_in_s=round(attempt.again_at_s - time.time(), 1),
            )
        pause = {}
        if error.for_all:
            pause[PAUSED] = str(max(one.again_at_s for one in attempts.values()))
        await self._note(turn, attempts, pause)

    def _attempt(self, failures: int, why: str, retry_after_s: float | None) -> Attempt:
        pause_s = self.keeper.pace.backoff.pause_s(failures, self.keeper.rng)
        return Attempt(failures, time.time() + max(pause_s, retry_after_s or 0.0), why)

    def _failures(self, domains: tuple[str, ...]) -> Mapping[str, int]:
        attempts = self.keeper.state.attempts
        return {one: attempts[one].failures if one in attempts else 0 for one in domains}

    async def _note(
        self, turn: Turn, attempts: Mapping[str, Attempt], more: Mapping[str, str] | None = None
    ) -> None:
        fields = {ATTEMPT + domain: encode_attempt(one) for domain, one in attempts.items()}
        await self._change(turn, {**fields, **(more or {})})

    async def _change(self, turn: Turn, fields: Mapping[str, str]) -> None:
        """Change the state, and withdraw the proofs of the order that has ended."""
        withdrawn = dict.fromkeys(self._tokens, "")
        await self.store.change(turn, self.keeper.pace.lease_s, fields, withdrawn)
        self._tokens.clear()
        self.keeper.proofs.take({})

    async def _publish(self, turn: Turn, token: str, proof: Proof) -> None:
        self._tokens[token] = proof
        encoded = encode_proof(proof, time.time() + PROOFS_FOR_S)
        await self.store.change(turn, self.keeper.pace.lease_s, proofs={token: encoded})
        self.keeper.proofs.take(self._tokens)  # those of the order under way alone
        if proof.challenge == TLS_ALPN_01:
            # The others must have the answer at hand: a handshake can't wait until they ask for it.
            await asyncio.sleep(2.5 * self.keeper.pace.look_s)

    async def _account_key(self, turn: Turn) -> JWK:
        """The key of the account that all gateways share; made where there is none."""
        kept = self.keeper.state.account
        if kept is not None:
            try:
                return JWKEC.load(kept.encode())
            except (JoseError, ValueError):
                _log.warning("certificate.account_unfit", detail="another account is made")
        made = key_pem(new_key("ec256"))
        await self._change(turn, {ACCOUNT: made})
        return JWKEC.load(made.encode())
