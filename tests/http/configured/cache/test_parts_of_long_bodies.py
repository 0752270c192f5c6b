"""Parts of bodies that are kept in many pieces, of those that still come, and instead of an error."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {object: 1MiB, stale_if_error: 1h}
"""
LONG = random.Random(18).randbytes(500_000)
HEAD = b'HTTP/1.1 200 OK\r\nCache-Control: %b\r\nETag: "a"\r\nContent-Length: %d\r\n\r\n'


def value(answer: RawAnswer, name: str) -> str:
    (only,) = answer.values(name.encode())
    return only.decode("latin-1")


async def in_pieces(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % (b"max-age=60", len(LONG)))
    at, sizes = 0, random.Random(9111)
    while at < len(LONG):
        size = sizes.choice([1, 100, 5_000, 70_000])
        writer.write(LONG[at : at + size])
        await writer.drain()
        at += size


async def test_any_part_of_a_long_body_has_its_bytes(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, in_pieces)
    assert (await configured.ask("/long")).body == LONG
    places = random.Random(9110)
    client = await RawClient.connect(configured.gateway.port)
    for _ in range(40):
        first = places.randrange(len(LONG))
        last = min(len(LONG) - 1, first + places.choice([0, 10, 70_000, 400_000]))
        await client.send(
            f"GET /long HTTP/1.1\r\nHost: a.example\r\nRange: bytes={first}-{last}\r\n\r\n".encode()
        )
        answer = await client.answer()
        assert answer.status == 206
        assert answer.body == LONG[first : last + 1]
        assert value(answer, "Content-Range") == f"bytes {first}-{last}/{len(LONG)}"
    await client.close()
    assert len(configured.upstream.requests) == 1


async def test_several_parts_of_a_long_body_have_their_bytes(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, in_pieces)
    await configured.ask("/long")
    answer = await configured.ask("/long", "Range: bytes=400000-,0-99999,200000-200000")
    assert answer.status == 206
    assert value(answer, "Content-Length") == str(len(answer.body))
    mark = value(answer, "Content-Type").partition("boundary=")[2].encode()
    parts = answer.body.split(b"\r\n--" + mark)
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    bodies = [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]]
    assert bodies == [LONG[400_000:], LONG[:100_000], LONG[200_000:200_001]]


async def test_a_client_that_reads_slowly_gets_its_part(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, in_pieces)
    await configured.ask("/long")
    client = await RawClient.connect(configured.gateway.port)
    request = b"GET /long HTTP/1.1\r\nHost: a.example\r\nRange: bytes=1-\r\n\r\n"
    await client.send(request * 20)
    # Nothing is read until another client was served: the answers have filled what there is room for.
    assert (await configured.ask("/long")).body == LONG
    for _ in range(20):
        assert (await client.answer()).body == LONG[1:]
    await client.close()


@dataclass
class Held:
    """Sends a head, and the body once it may."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD % (b"max-age=60", 4) + b"a")
        self.asked.set()
        await self.go.wait()
        writer.write(b"bcd")


@pytest.mark.parametrize("first", ["GET", "GET with a condition"])
async def test_who_has_the_answer_does_not_wait_for_its_body(
    start_configured: StartConfigured, first: str
) -> None:
    service = Held()
    configured = await start_configured(FILE, service)
    if first == "GET":
        whole = asyncio.create_task(configured.ask("/one"))
        await service.asked.wait()
    answer = await configured.ask("/one", 'If-None-Match: "a"', "Range: bytes=0-1")
    assert (answer.status, answer.body) == (304, b"")
    assert value(answer, "ETag") == '"a"'
    service.go.set()
    if first == "GET":
        assert (await whole).body == b"abcd"
    # It was kept, though nobody read it.
    assert (await configured.ask("/one")).body == b"abcd"
    assert len(configured.upstream.requests) == 1


async def test_a_range_while_the_body_comes_gets_all_of_it(
    start_configured: StartConfigured,
) -> None:
    service = Held()
    configured = await start_configured(FILE, service)
    whole = asyncio.create_task(configured.ask("/one"))
    await service.asked.wait()
    part = asyncio.create_task(configured.ask("/one", "Range: bytes=0-1"))
    remembering = configured.gateway.gateway.remembering
    assert remembering is not None
    counts = remembering.counts
    await eventually(lambda: counts.collapsed.total())
    service.go.set()
    for answer in (await whole, await part):
        assert (answer.status, answer.body) == (200, b"abcd")
    assert len(configured.upstream.requests) == 1


async def test_parts_and_conditions_are_answered_instead_of_an_error(
    start_configured: StartConfigured,
) -> None:
    answers = [HEAD % (b"max-age=0, stale-if-error=60", 4) + b"abcd"]

    async def once(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(
            answers.pop() if answers else b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        )

    configured = await start_configured(FILE, once)
    await configured.ask("/one")
    part = await configured.ask("/one", "Range: bytes=1-2")
    assert (part.status, part.body) == (206, b"bc")
    assert "detail=stale-if-error" in value(part, "Cache-Status")
    known = await configured.ask("/one", 'If-None-Match: "a"')
    assert known.status == 304
    assert (await configured.ask("/one", "Range: bytes=9-")).status == 416


async def test_a_query_has_parts_and_conditions_too(start_configured: StartConfigured) -> None:
    service = Held()
    service.go.set()
    configured = await start_configured(FILE, service)

    async def query(*fields: str) -> RawAnswer:
        sent = ("Content-Type: text/plain", *fields)
        return await configured.ask("/one", *sent, method="QUERY", body="what?")

    assert (await query()).body == b"abcd"
    assert (await query("Range: bytes=-1")).body == b"d"
    assert (await query('If-None-Match: "a"')).status == 304
    assert len(configured.upstream.requests) == 1
