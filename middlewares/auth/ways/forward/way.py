"""Asks another service about each request, and remembers whom it admits."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from middlewares.auth.deciding import Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.forward.deciding import (
    MOST_BODY_BYTES,
    Admitted,
    Failed,
    Passed,
    judged,
    lines_to_send,
    remembered_by,
)
from middlewares.auth.ways.forward.spec import ForwardSpec
from middlewares.header_section import CREDENTIAL_FIELDS
from middlewares.hygiene.deciding import FieldLine
from middlewares.memory import Memory

#: How many admissions are remembered, and how many bytes of the service's answers with them.
REMEMBERED: Final = 16_384
MOST_HELD_BYTES: Final = 32 * 1024 * 1024
#: How much is read of an answer that admits, so that its connection can be used again.
_READ_BYTES: Final = 64 * 1024
_RETRY_AFTER_S: Final = 1
_KEY_BYTES: Final = 32
#: aiohttp adds these by itself.
_NOT_ADDED: Final = ("Accept", "User-Agent", "Content-Type")


class ForwardWay:
    """A service that decides. `session` must keep no cookies: they would be sent for other clients.

    `clock` is in seconds and never goes back.
    """

    def __init__(
        self,
        spec: ForwardSpec,
        *,
        session: Callable[[], aiohttp.ClientSession],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        #: Each with the time until which it holds.
        self.admitted: Memory[bytes, tuple[Identity, float]] = Memory(
            f"auth_{spec.name}", entries=REMEMBERED, entry_bytes=_KEY_BYTES
        )
        self._held_bytes = 0
        self._session = session
        self._clock = clock
        self._secret = secrets.token_bytes(_KEY_BYTES)
        self._url = URL(spec.url, encoded=True)
        self._are_usual = spec.send.issubset(CREDENTIAL_FIELDS)
        self._timeout = aiohttp.ClientTimeout(total=spec.timeout_s)
        self._no_answer: str | None = None

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        """Those of a 401 are in the service's own answer."""
        return None

    def takes(self, _asked: Asked) -> bool:
        """Every request: the service may admit one without a credential too."""
        return True

    def known(self, asked: Asked) -> Identity | None:
        if not self.spec.remember_s:
            return None
        key = self._key(asked, self._lines(asked))
        found = None if key is None else self.admitted.recall(key)
        if found is None or self._clock() >= found[1]:
            return None
        return found[0]

    async def decide(self, asked: Asked) -> Verdict:
        lines = self._lines(asked)
        try:
            told = self._told(asked, lines)
        except UnicodeDecodeError:
            return NotAdmitted("a field for the service is not UTF-8")
        asked_at_s = self._clock()
        try:
            status, fields, body = await self._ask(told)
        except TimeoutError:
            return self._undecided("it has not answered in time")
        except (aiohttp.ClientConnectionError, OSError):
            return self._undecided("it can't be reached, or breaks off")
        except (aiohttp.ClientError, ValueError):
            return self._undecided("its answer is not valid HTTP")
        judgement = judged(self.spec, status, fields)
        if isinstance(judgement, Failed):
            return self._undecided(judgement.why)
        self._no_answer = None
        if isinstance(judgement, Passed):
            return Answered(_answer(judgement, body))
        return self._admit(asked, lines, judgement, asked_at_s)

    async def without_credential(self, _asked: Asked) -> Answered | None:
        return None

    def without_session(self, cookie: bytes) -> bytes:
        return cookie

    async def run(self) -> None:
        return

    def describe(self) -> Mapping[str, object]:
        return {"remembered": len(self.admitted), "last_failure": self._no_answer}

    def _lines(self, asked: Asked) -> list[FieldLine]:
        section = asked.exchange.section
        # The other fields need not be taken apart for the usual ones.
        fields = section.credentials if self._are_usual else section.fields
        return lines_to_send(self.spec, fields)

    def _key(self, asked: Asked, lines: list[FieldLine]) -> bytes | None:
        exchange = asked.exchange
        return remembered_by(
            self._secret,
            self.spec,
            lines,
            method=asked.request.method,
            scheme=asked.scheme,
            host=exchange.asked_host,
            target=exchange.target,
            client=exchange.client_ip,
        )

    def _told(self, asked: Asked, lines: list[FieldLine]) -> CIMultiDict[str]:
        """The fields of the request to the service. Raises UnicodeDecodeError."""
        exchange = asked.exchange
        told = CIMultiDict((name.decode(), value.decode()) for name, value in lines)
        told["Accept-Encoding"] = "identity"
        told["X-Forwarded-Method"] = asked.request.method
        told["X-Forwarded-Uri"] = exchange.target
        told["X-Forwarded-Host"] = exchange.asked_host.decode()
        told["X-Forwarded-Proto"] = asked.scheme
        told["X-Forwarded-For"] = exchange.client_ip
        told["X-Correlation-ID"] = exchange.correlation_id
        return told

    async def _ask(self, told: CIMultiDict[str]) -> tuple[int, tuple[FieldLine, ...], bytes]:
        async with self._session().get(
            self._url,
            headers=told,
            allow_redirects=False,
            timeout=self._timeout,
            skip_auto_headers=_NOT_ADDED,
        ) as answer:
            admits = 200 <= answer.status <= 299
            body = await _beginning(answer, _READ_BYTES if admits else MOST_BODY_BYTES)
            return answer.status, answer.raw_headers, body

    def _admit(
        self, asked: Asked, lines: list[FieldLine], admitted: Admitted, asked_at_s: float
    ) -> Identity:
        identity = Identity(
            self.name, "forward", admitted.subject, scopes=admitted.scopes, lines=admitted.lines
        )
        if self.spec.remember_s:
            key = self._key(asked, lines)
            if key is not None:
                # From the time of the question: the service may have changed its mind since.
                self._keep(key, identity, asked_at_s + self.spec.remember_s)
        return identity

    def _keep(self, key: bytes, identity: Identity, until_s: float) -> None:
        size = len(identity.lines) + len(identity.sent_lines)
        if self._held_bytes + size > MOST_HELD_BYTES:
            self.admitted.clear()
            self._held_bytes = 0
        self._held_bytes += size
        self.admitted.keep(key, (identity, until_s), len(key))

    def _undecided(self, why: str) -> Undecided:
        self._no_answer = why
        return Undecided(why, _RETRY_AFTER_S)


async def _beginning(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The first bytes of a body; the rest of a longer one is not read, and its connection is closed."""
    read = bytearray()
    while len(read) < most_bytes:
        piece = await answer.content.read(most_bytes - len(read))
        if not piece:
            break
        read += piece
    return bytes(read)


def _answer(passed: Passed, body: bytes) -> web.Response:
    fields = CIMultiDict((_text(name), _text(value)) for name, value in passed.fields)
    return web.Response(status=passed.status, headers=fields, body=body or None)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
