"""Fetches the OpenAPI document that an instance names, from the instance itself."""

import asyncio
import socket
from dataclasses import replace
from urllib.parse import urlsplit

from discovery.model.errors import ForbiddenAddress
from discovery.model.instance import Instance
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.dialing import Dialer
from gateway.upstream.messages import RequestHead, ResponseHead, lines
from gateway.version import VERSION
from middlewares.failures import UpstreamFailure
from middlewares.routing.policy import Deadlines
from middlewares.validate.deciding.documents import MOST_BYTES
from middlewares.validate.keeping import Fetched, NotFetched

WITHIN_S = 10.0
MAX_HEAD_BYTES = 64 * 1024
_DEADLINES = Deadlines(connect_s=2.0, head_s=WITHIN_S, idle_s=WITHIN_S)


class DocumentFetch:
    """Gets documents with the hop's own client; it follows no redirect."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    async def __call__(self, instance: Instance, etag: str) -> Fetched:
        """Raises NotFetched."""
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._get(instance, etag)
        except TimeoutError:
            raise NotFetched(f"it did not come within {WITHIN_S:g} s") from None
        except (OSError, ForbiddenAddress) as error:
            raise NotFetched(f"no connection: {error}") from None
        except UpstreamFailure as failure:
            raise NotFetched(failure.seen or str(failure)) from None

    async def _get(self, instance: Instance, etag: str) -> Fetched:
        parts = urlsplit(instance.openapi_url or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        there = replace(instance, scheme=parts.scheme, port=port)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        host = instance.health_check.host or parts.netloc
        connection = await self._dialer.connect(there, _new, within_s=_DEADLINES.connect_s)
        try:
            await connection.settle()
            connection.request(_request(target, host, etag), deadlines=_DEADLINES)
            head = await connection.head()
            if head.status == 304 and etag:
                return Fetched(None, etag)
            if head.status != 200:
                raise NotFetched(f"GET {parts.path} answers {head.status}, expected 200")
            if _value(head, b"content-encoding") not in ("", "identity"):
                raise NotFetched("it came compressed, although `identity` was asked for")
            body = bytearray()
            while piece := await connection.read():
                body += piece
                if len(body) > MOST_BYTES:
                    raise NotFetched(f"it has more than {MOST_BYTES} bytes")
        finally:
            connection.abort()
        return Fetched(bytes(body), _value(head, b"etag")[:1024])


def _new(sock: socket.socket) -> UpstreamConnection:
    return UpstreamConnection(sock, MAX_HEAD_BYTES)


def _value(head: ResponseHead, name: bytes) -> str:
    values = [value for one, value in head.fields if one.lower() == name]
    return values[0].decode("latin-1") if values else ""


def _request(target: str, host: str, etag: str) -> RequestHead:
    fields = [
        (b"Host", host.encode("ascii")),
        (b"User-Agent", f"lockgate-openapi/{VERSION}".encode("ascii")),
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    if etag:
        fields.append((b"If-None-Match", etag.encode("latin-1")))
    return RequestHead(
        "GET", b"GET %b HTTP/1.1\r\n%b\r\n" % (target.encode("ascii"), lines(fields))
    )
