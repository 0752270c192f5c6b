"""One health probe: GET the instance's health URL, connect to it, or ask it for any answer."""

import asyncio
import contextlib
import socket
from dataclasses import replace
from urllib.parse import urlsplit

from discovery.base.shortage import is_own_shortage
from discovery.health import evidence_texts as texts
from discovery.health.machine import Verdict
from discovery.model.errors import ForbiddenAddress
from discovery.model.health_check import HealthCheck
from discovery.model.instance import Instance
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.dialing import Dialer
from gateway.upstream.messages import RequestHead, ResponseHead, lines
from gateway.version import VERSION
from middlewares.failures import Failure, UpstreamFailure
from middlewares.routing.policy import Deadlines
from middlewares.telemetry.seldom import Seldom

#: At most this much of a health answer's body is read; only whether it is as expected is kept.
MAX_BODY_BYTES = 16 * 1024
MAX_HEAD_BYTES = 64 * 1024
#: A time-out that is noticed this late was caused by the gateway's own pause.
LATE_AFTER_S = 0.25


class HealthProbe:
    """Probes with the hop's own client; passes if the answer is as expected, and follows no redirect."""

    def __init__(self, dialer: Dialer, timeout_s: float, *, connect_s: float = 2.0) -> None:
        self._dialer = dialer
        self._timeout_s = timeout_s
        self._deadlines = Deadlines(connect_s=connect_s, head_s=timeout_s)
        self._not_made = Seldom("probe.not_made")

    async def __call__(self, instance: Instance, suspected: bool) -> Verdict | None:
        """Probe an instance and return the verdict; never raises, whatever the instance does.

        None if the gateway lacked the means for a probe, or was busy with something else for its whole
        time, which says nothing about the instance.

        The kernel accepts connections for a process that hangs, and a health URL at another port says
        nothing about this one. So a suspected instance must also answer a request, in any way. An instance
        that is probed by heartbeats must do so too; it is asked only when heartbeats are not enough.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self._timeout_s):
                check = instance.health_check
                if check.kind == "http":
                    verdict = await self._get(instance, check)
                    if suspected and verdict.passed and not _is_own(instance):
                        return await self._ask(instance)
                    return verdict
                if check.kind == "tcp" and not suspected:
                    return await self._connect(instance)
                return await self._ask(instance)
        except TimeoutError:
            if loop.time() - began_s > self._timeout_s + LATE_AFTER_S:
                return None
            return Verdict(False, texts.not_answered(texts.asked_of(instance), self._timeout_s))
        except (OSError, ForbiddenAddress) as error:
            if is_own_shortage(error):
                self._not_made.warn(name=instance.name, instance=instance.id, detail=str(error))
                return None
            return Verdict(False, texts.connect_failed(error))
        except UpstreamFailure as failure:
            asked = texts.asked_of(instance)
            return Verdict(False, texts.broke_off(asked, str(failure), failure.evidence))

    async def _connect(self, instance: Instance) -> Verdict:
        connection = await self._connected(instance)
        connection.abort()
        return Verdict(True, "connected")

    async def _connected(self, there: Instance) -> UpstreamConnection:
        return await self._dialer.connect(there, _new, within_s=self._deadlines.connect_s)

    async def _ask(self, instance: Instance) -> Verdict:
        host = instance.health_check.host or instance.authority
        request = _request("HEAD", "/", "", host)
        head, _ = await self._exchange(instance, request)
        return Verdict(True, texts.answers("HEAD /", head.status))

    async def _get(self, instance: Instance, check: HealthCheck) -> Verdict:
        parts = urlsplit(instance.health_check_url or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        there = replace(instance, scheme=parts.scheme, port=port)
        request = _request("GET", parts.path, parts.query, check.host or parts.netloc)
        head, body = await self._exchange(there, request)
        asked = texts.asked_of(instance)
        if not check.expects(head.status):
            return Verdict(False, texts.answers_otherwise(asked, head.status, check.statuses))
        if check.body not in body:
            return Verdict(False, texts.answers_another_body(asked, head.status))
        return Verdict(True, texts.answers(asked, head.status))

    async def _exchange(self, there: Instance, request: RequestHead) -> tuple[ResponseHead, bytes]:
        """Send the request; return the answer's head and the beginning of its body."""
        connection = await self._connected(there)
        try:
            await connection.settle()
            connection.request(request, deadlines=self._deadlines)
            head = await connection.head()
            body = bytearray()
            with contextlib.suppress(Failure):  # what has come decides
                while len(body) < MAX_BODY_BYTES and (piece := await connection.read()):
                    body += piece
        finally:
            connection.abort()
        return head, bytes(body[:MAX_BODY_BYTES])


def _new(sock: socket.socket) -> UpstreamConnection:
    return UpstreamConnection(sock, MAX_HEAD_BYTES)


def _is_own(instance: Instance) -> bool:
    """Whether the health URL has the address that requests go to."""
    parts = urlsplit(instance.health_check_url or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (parts.scheme, port) == (instance.scheme, instance.port)


def _request(method: str, path: str, query: str, authority: str) -> RequestHead:
    target = f"{path or '/'}?{query}" if query else path or "/"
    fields = (
        (b"Host", authority.encode("ascii")),
        (b"User-Agent", f"lockgate-health/{VERSION}".encode("ascii")),
        (b"Accept", b"*/*"),
        (b"Connection", b"close"),
    )
    data = b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode(), target.encode("ascii"), lines(fields))
    return RequestHead(method, data)
