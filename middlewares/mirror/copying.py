"""Copies requests for the mirrors of their routes, and compares the answers."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from discovery.base.stepping import in_steps
from middlewares.exchange import Exchange
from middlewares.failures import Failure
from middlewares.header_section import HeaderSection
from middlewares.mirror.deciding.comparing import Seen, Verdict, compared
from middlewares.mirror.deciding.copied import copied_changes, copied_fields, is_copied
from middlewares.mirror.deciding.readable import MOST_BODY_BYTES
from middlewares.mirror.logged import copy_event
from middlewares.mirror.original import Original, UploadCopy
from middlewares.mirror.policy import MirrorPolicy
from middlewares.mirror.report import MirrorReport, Reports
from middlewares.mirror.room import Room
from middlewares.problems import problem_of
from middlewares.side_requests import SendsAside, SideAnswer, side_exchange

#: So many copies of all mirrors are under way in a worker at most, which bounds the memory for their answers.
MOST_IN_FLIGHT = 256
#: Their request bodies, and those that still come, take so much memory at most.
MOST_HELD_BYTES = 32 * 1024 * 1024
#: So much of a body that is not compared is read, so that its connection can be used again.
_NOT_COMPARED_BYTES = 16 * 1024

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Means:
    """What mirrors need of the gateway.

    `route_of` gives the Route that the copy of a request takes to a mirror. `trusts` says whether a trusted
    proxy has sent these fields. `body_of` is the body of a request if all of it is here, and None while it comes.
    """

    sends: SendsAside
    route_of: Callable[[Exchange, MirrorPolicy], Any]
    trusts: Callable[[str, HeaderSection], bool]
    body_of: Callable[[web.Request, Exchange], bytes | None]
    rng: random.Random
    now: Callable[[], float]
    unix_s: Callable[[], float]


class Copying:
    """The copies of one worker; read `begin` first."""

    def __init__(self, means: Means) -> None:
        self.reports = Reports()
        #: How many are under way, by route and mirror.
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self._means = means
        self._total = 0
        self._room = Room(MOST_HELD_BYTES)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def total(self) -> int:
        """How many are under way."""
        return self._total

    def drawn(self, request: web.Request, exchange: Exchange) -> list[MirrorPolicy]:
        """The mirrors that this request is copied for."""
        route = exchange.route
        if route is None or exchange.is_copy:
            return []
        rng = self._means.rng
        drawn = [
            mirror
            for mirror in route.policy.mirrors
            if request.method in mirror.methods and rng.random() * 100 < mirror.share
        ]
        if not drawn:
            return []
        section = exchange.section
        trusted = self._means.trusts(request.remote or "", section)
        return drawn if is_copied(section.fields, trusted=trusted) else []

    def begin(
        self,
        request: web.Request,
        exchange: Exchange,
        mirrors: list[MirrorPolicy],
        handler: Handler,
    ) -> "Beginning":
        """Begin to copy a request that is about to go to an instance; nothing is sent before it goes on itself."""
        route = exchange.route
        assert route is not None, "it has mirrors"
        original = Original(
            reads_json=any(mirror.comparison.json for mirror in mirrors),
            is_head=request.method == "HEAD",
        )
        begun = exchange.copies = Beginning(original)
        exchange.held.append(begun)
        body = self._means.body_of(request, exchange)
        upload = None
        length = exchange.section.body_length if body is None else len(body)
        for mirror in mirrors:
            if length is not None and length > mirror.body_bytes:
                self._count(route.id, mirror.name, "body_too_large")
                continue
            if body is None and upload is None:
                upload = UploadCopy(max(one.body_bytes for one in mirrors), self._room)
                begun.upload = upload
                exchange.upload_reader = upload
                exchange.held.append(upload)
            copy = _Copy(request, exchange, route.id, mirror, handler, begun, body, upload)
            if body is not None and not self._enter(copy):
                continue
            task = asyncio.get_running_loop().create_task(self._run(copy))
            begun.tasks.append(task)
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, copy))
        return begun

    async def close(self) -> None:
        """End all copies."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _enter(self, copy: "_Copy") -> bool:
        """Count a copy as under way; False: there are enough, and it is dropped."""
        key = (copy.route, copy.mirror.name)
        size = len(copy.body or b"")
        is_full = self.in_flight[key] >= copy.mirror.in_flight or self._total >= MOST_IN_FLIGHT
        if is_full or not self._room.take(size):
            self._count(*key, "too_many")
            return False
        copy.is_under_way = True
        self.in_flight[key] += 1
        self._total += 1
        return True

    def _ended(self, copy: "_Copy", task: asyncio.Task[None]) -> None:
        """Let go of a copy; its task may have been cancelled before it began."""
        self._tasks.discard(task)
        copy.begun.ended(task)
        key = (copy.route, copy.mirror.name)
        if task.cancelled() and copy.is_counted:
            self._report(*key).not_compared(copy.original.lost or "shutting_down")
        elif task.cancelled():
            self._count(*key, "abandoned")
        if copy.is_under_way:
            self._room.give(len(copy.body or b""))
            self._total -= 1
            self.in_flight[key] -= 1
            if not self.in_flight[key]:
                del self.in_flight[key]

    def _count(self, route: str, mirror: str, outcome: str) -> None:
        self._report(route, mirror).copies[outcome] += 1

    def _report(self, route: str, mirror: str) -> MirrorReport:
        return self.reports.of(route, mirror, self._means.unix_s())

    async def _run(self, copy: "_Copy") -> None:
        """Send a copy, count what becomes of it, and compare the answers."""
        route, mirror = copy.route, copy.mirror
        try:
            body = copy.body
            if body is None:
                assert copy.upload is not None, "the body comes"
                body = await copy.upload.whole()
                if body is None or len(body) > mirror.body_bytes:
                    self._count(route, mirror.name, copy.upload.why or "body_too_large")
                    return
                if not self._enter(copy):
                    return
            await self._send(copy, body)
        except Exception as error:  # noqa: BLE001  # no client hears of it
            self._count(route, mirror.name, "internal_error")
            _log.error("mirror.failed", route=route, mirror=mirror.name, exc_info=error)

    async def _send(self, copy: "_Copy", body: bytes) -> None:
        mirror, means = copy.mirror, self._means
        exchange = self._exchange(copy, body)
        answer: SideAnswer | None = None
        verdict: Verdict | None = None
        why = ""
        outcome = "answered"
        try:
            answer = await means.sends(
                copy.request,
                exchange,
                copy.request.method,
                body,
                copy.handler,
                within_s=mirror.timeout_s,
                most_bytes=MOST_BODY_BYTES if mirror.comparison.json else _NOT_COMPARED_BYTES,
            )
        except Failure as failure:
            outcome = problem_of(failure).reason
        copy.is_counted = True
        self._count(copy.route, mirror.name, outcome)
        if answer is not None:
            seen, why = await copy.original.known(mirror.timeout_s)
            if answer.is_event_stream:
                seen, why = None, "event_stream"
            verdict = await self._compare(copy, exchange, answer, seen, why)
        _log.info(
            "mirror",
            **copy_event(
                copy.route, mirror.name, copy.original, exchange, outcome, answer, verdict or why
            ),
        )

    async def _compare(
        self,
        copy: "_Copy",
        exchange: Exchange,
        answer: SideAnswer,
        seen: Seen | None,
        why: str,
    ) -> Verdict | None:
        """Compare the two answers, and keep the result; None: there is nothing to compare with, and `why`."""
        original, mirror = copy.original, copy.mirror
        report = self._report(copy.route, mirror.name)
        if seen is None:
            report.not_compared(why)
            return None
        if original.head_s is not None and exchange.upstream_s is not None:
            report.took(original.head_s, exchange.upstream_s)
        body = answer.body if answer.is_whole else None
        verdict = await in_steps(
            compared(seen, Seen(answer.status, answer.fields, body), mirror.comparison)
        )
        report.compared(verdict, exchange.correlation_id)
        return verdict

    def _exchange(self, copy: "_Copy", body: bytes) -> Exchange:
        begun, mirror, means = copy.exchange, copy.mirror, self._means
        fields = copied_fields(begun.section.fields, credentials=mirror.credentials)
        made = side_exchange(begun, begun.target, fields, body, started_s=means.now())
        made.route, made.hit = means.route_of(begun, mirror), begun.hit
        made.sent_target, made.sent_prefix = begun.sent_target, begun.sent_prefix
        identity = begun.identity
        made.changes = copied_changes(
            begun.changes,
            b"" if identity is None else identity.sent_lines,
            credentials=mirror.credentials,
        )
        made.ranges = () if mirror.versions is None else (mirror.versions,)
        made.is_copy = True
        return made


@dataclass(slots=True)
class _Copy:
    """One copy, and what it is made of; `body` None: it comes through `upload`."""

    request: web.Request
    exchange: Exchange
    route: str
    mirror: MirrorPolicy
    handler: Handler
    begun: "Beginning"
    body: bytes | None
    upload: UploadCopy | None
    is_under_way: bool = False
    is_counted: bool = False

    @property
    def original(self) -> Original:
        return self.begun.original


class Beginning:
    """The copies of one request, which its exchange holds."""

    def __init__(self, original: Original) -> None:
        self.original = original
        self.upload: UploadCopy | None = None
        self.tasks: list[asyncio.Task[None]] = []

    def ended(self, task: asyncio.Task[None]) -> None:
        """Note that one is over; with the last one go the bodies that were kept for them."""
        self.tasks.remove(task)
        if self.tasks:
            return
        self.original.close()
        if self.upload is not None:
            self.upload.close()

    def release(self) -> None:
        """Note that the client's own request is over."""
        self.original.release()

    def abandon(self, why: str) -> None:
        """End them: there is nothing that they could be compared with."""
        self.original.lose(why)
        for task in self.tasks:
            task.cancel()
