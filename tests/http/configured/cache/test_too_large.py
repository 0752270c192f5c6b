"""Bodies that turn out too large to be kept while they come."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import OK, Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {object: 1KiB}
"""
HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n%b\r\n"
CHUNKED = HEAD % b"Transfer-Encoding: chunked\r\n"
ONE = b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


FRAMED: dict[str, Callable[[bytes], bytes]] = {
    "a length": lambda body: HEAD % b"Content-Length: %d\r\n" % len(body) + body,
    "chunks": lambda body: CHUNKED + chunk(body) + chunk(b""),
    "the close": lambda body: HEAD % b"" + body,
}


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize("length", [0, 1023, 1024, 1025, 100_000])
async def test_an_answer_that_comes_at_once_is_kept_up_to_the_cap_and_is_whole_above_it(
    start_configured: StartConfigured, framed: str, length: int
) -> None:
    body = b"x" * length
    configured = await start_configured(FILE, FRAMED[framed](body))
    answers = [await configured.ask("/one") for _ in range(3)]
    assert all(answer.status == 200 and answer.complete for answer in answers)
    assert [answer.body == body for answer in answers] == [True] * 3
    assert len(configured.upstream.requests) == (1 if length <= 1024 else 3)


async def test_nobody_waits_for_it_any_more_once_a_body_is_too_large(
    start_configured: StartConfigured,
) -> None:
    """Neither while it comes, nor for the next answers whose lengths are not known."""
    go = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"x" * 600) + chunk(b"y" * 600))
        await go.wait()
        writer.write(chunk(b""))

    configured = await start_configured(FILE, answer)
    async with contextlib.AsyncExitStack() as stack:
        heads = []
        for _ in range(4):
            client = await RawClient.connect(configured.gateway.port)
            await stack.enter_async_context(client)
            await client.send(ONE)
            heads.append(await client.reader.readuntil(b"y" * 600))
        go.set()
    assert len(configured.upstream.requests) == 4
    assert [b"hit-for-miss" in head for head in heads] == [False, True, True, True]


async def test_a_client_that_leaves_a_body_that_is_too_large_is_no_fault_of_the_instance(
    start_configured: StartConfigured,
) -> None:
    """The instance is told to stop, and stays in use."""
    left, ended = asyncio.Event(), asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/two":
            writer.write(OK)
            return
        writer.write(CHUNKED + chunk(b"x" * 600) + chunk(b"y" * 600))
        await left.wait()
        try:
            while True:  # until the gateway breaks off
                writer.write(chunk(b"z" * 600))
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            ended.set()

    configured = await start_configured(FILE, answer)
    mistakes: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mistakes.append(context))
    before = len(configured.gateway.connections)
    client = await RawClient.connect(configured.gateway.port)
    await client.send(ONE)
    await client.reader.readuntil(b"y" * 600)
    client.writer.transport.abort()
    await eventually(lambda: len(configured.gateway.connections) == before)
    left.set()
    await ended.wait()
    remembering = configured.gateway.gateway.remembering
    assert remembering is not None
    await eventually(lambda: len(remembering.flights) == 0)
    assert remembering.room.bytes == 0
    assert not mistakes
    assert (await configured.ask("/two")).status == 200
