"""The answers to the challenges of an authority, at any gateway of a registry."""

import asyncio
import re
import time
from collections.abc import Mapping

import structlog

from gateway.acme.certificates import challenge_certificate
from gateway.acme.deciding.state import Proof
from gateway.acme.shelf import Serve
from gateway.acme.spec import HTTP_01, TLS_ALPN_01
from gateway.acme.store import Store

#: Questions for unknown tokens that may be at the registry at a time: anybody can ask them.
_ASKED_AT_ONCE = 8
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")

_log = structlog.get_logger()


class Proofs:
    """Answers challenges by HTTP when it is asked, and gives certificates that answer by TLS to `prove`."""

    def __init__(self, prove: Serve) -> None:
        self._prove = prove
        self._by_token: Mapping[str, Proof] = {}
        #: Those that are answered by TLS, by their domain.
        self._by_tls: dict[str, Proof] = {}
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)

    def take(self, proofs: Mapping[str, Proof]) -> None:
        """Answer these by their tokens; others by HTTP are looked for in the registry."""
        self._by_token = dict(proofs)
        wanted = {one.domain: one for one in proofs.values() if one.challenge == TLS_ALPN_01}
        for domain in self._by_tls.keys() - wanted.keys():
            self._prove(domain, None)
        for domain, proof in wanted.items():
            if self._by_tls.get(domain) != proof:
                self._prove(domain, challenge_certificate(domain, proof.answer, time.time()))
        self._by_tls = wanted

    async def answer(self, token: str, store: Store) -> str | None:
        """The answer to the challenge http-01 with this token; None: it is not one of ours."""
        if not _TOKEN.fullmatch(token):
            return None
        proof = self._by_token.get(token)
        if proof is None:
            try:
                async with self._asking:
                    proof = await store.proof(token, time.time())
            except Exception as error:  # noqa: BLE001 - it can't be told apart from no answer
                _log.warning("certificate.challenge_not_answered", detail=str(error))
        return proof.answer if proof is not None and proof.challenge == HTTP_01 else None
