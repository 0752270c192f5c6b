"""Clients that read slowly, leave, or ask for odd things while an answer is compressed, over a real gateway."""

import asyncio
import contextlib
import random
from typing import cast

import pytest

from middlewares.codings import Decoder, Encoder, encoder
from middlewares.compress import layer
from tests.http.configured.compress.test_answers import JSON, TEXT, answer_of
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.transports import reset
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        compress: {event_streams: true, over: 0}
"""
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %b\r\n\r\n"


async def test_a_client_that_leaves_ends_the_stream_of_the_service(
    start_configured: StartConfigured,
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + b"data: 1\n\n")
        await received.reader.read()

    configured = await start_configured(FILE, answer)
    for is_reset in (False, True):
        async with await RawClient.connect(configured.gateway.port) as client:
            await client.send(REQUEST % b"zstd")
            await client.reader.readuntil(b"\r\n\r\n")
            await client.reader.readuntil(b"\r\n")
            assert configured.upstream.open_connections == 1
            if is_reset:
                reset(client.writer)
        await eventually(lambda: configured.upstream.open_connections == 0)


async def test_a_service_waits_for_a_client_that_reads_nothing(
    start_configured: StartConfigured,
) -> None:
    sent, most = 0, 100 * 2**20
    piece = random.Random(1).randbytes(64 * 1024)  # it hardly gets smaller
    is_stuck, has_left = asyncio.Event(), asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while sent < most:
                writer.write(piece)
                async with asyncio.timeout(1.0):
                    await writer.drain()
                sent += len(piece)
        except TimeoutError:
            pass
        is_stuck.set()
        await has_left.wait()

    configured = await start_configured(FILE, answer)
    async with await RawClient.connect(configured.gateway.port) as client:
        cast("asyncio.Transport", client.writer.transport).pause_reading()
        await client.send(REQUEST % b"gzip")
        await is_stuck.wait()
    has_left.set()
    assert sent < most / 4


async def test_many_slow_clients_get_small_encoders(
    start_configured: StartConfigured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "MOST_LARGE", 2)
    sizes: list[bool] = []

    def noted(coding: bytes, level: int | None = None, *, is_small: bool = False) -> Encoder:
        sizes.append(is_small)
        return encoder(coding, level, is_small=is_small)

    monkeypatch.setattr(layer, "encoder", noted)

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbegins")
        await received.reader.read()

    configured = await start_configured(FILE, answer)
    for _ in range(2):
        async with contextlib.AsyncExitStack() as clients:
            for _ in range(4):
                connecting = RawClient.connect(configured.gateway.port)
                client = await clients.enter_async_context(await connecting)
                await client.send(REQUEST % b"br")
                await client.reader.readuntil(b"\r\n\r\n")
        await eventually(lambda: configured.upstream.open_connections == 0)
    assert sizes == [False, False, True, True] * 2


async def test_any_body_in_any_pieces_comes_out_as_the_service_sent_it(
    start_configured: StartConfigured,
) -> None:
    rng = random.Random(7)
    bodies: dict[bytes, bytes] = {}

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        body = bodies[received.target]
        if rng.random() < 0.3:
            writer.write(answer_of(body, JSON))
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        at = 0
        while at < len(body):
            piece = body[at : at + rng.choice([1, 50, 5000, 70_000])]
            at += len(piece)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if rng.random() < 0.1:
                await writer.drain()
        writer.write(b"0\r\n\r\n")

    configured = await start_configured(FILE, answer)
    async with await RawClient.connect(configured.gateway.port) as client:
        for number in range(60):
            target = b"/%d" % number
            text = TEXT * rng.choice([0, 1, 10, 70])
            size = rng.choice([0, 1, 100, 5000, 65_536, 65_537, len(text)])
            bodies[target] = rng.choice([text[:size], rng.randbytes(size)])
            coding = rng.choice([b"gzip", b"zstd", b"br"])
            request = (REQUEST % coding).replace(b" / ", b" %b " % target)
            await client.send(request)
            got = await client.answer()
            assert got.complete
            decoder = Decoder(coding)
            if not got.values(b"content-encoding"):  # it is empty, and its length was known
                assert got.body == bodies[target] == b""
                continue
            assert b"".join(decoder.slices(got.body)) == bodies[target]
            decoder.end()


async def test_accept_encoding_may_be_anything(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, answer_of(TEXT, JSON))
    for value in ("a," * 8000, "gzip;q=0," * 3000, ";;;,,,=", "gzip" + " " * 3000, "\x80\xff"):
        answer = await configured.ask("/", f"Accept-Encoding: {value}")
        assert answer.status == 200
        if "gzip " not in value:
            assert answer.body == TEXT
    answer = await configured.ask("/", "Accept-Encoding: br;q=0", "Accept-Encoding: gzip")
    assert answer.values(b"content-encoding") == [b"gzip"]


async def test_a_client_of_http_1_0_gets_the_body_up_to_the_close(
    start_configured: StartConfigured,
) -> None:
    body = TEXT * 100
    configured = await start_configured(FILE, answer_of(body, JSON))
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        answer = await client.answer()
    decoder = Decoder(b"gzip")
    assert b"".join(decoder.slices(answer.body)) == body
    decoder.end()
    assert answer.values(b"connection") == [b"close"]
