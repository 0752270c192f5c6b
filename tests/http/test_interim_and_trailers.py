"""What comes before an answer (1xx) and after its body (trailers), and who gets it."""

import asyncio

import pytest

from tests.http.conftest import StartHop
from tests.support.raw_clients import RawAnswer, RawClient, exchange
from tests.support.upstreams import OK, Received

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n"
TE = GET + b"TE: trailers\r\n\r\n"
GET += b"\r\n"

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nKeep-Alive: timeout=3\r\n"
HINTS += b"X-Correlation-ID: theirs\r\nContent-Length: 7\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"

pytestmark = pytest.mark.usefixtures("nothing_fails_behind_the_scenes")


async def answers(port: int, request: bytes, count: int) -> list[RawAnswer]:
    async with await RawClient.connect(port) as client:
        await client.send(request)
        return [await client.answer() for _ in range(count)]


# 1xx


async def test_early_hints_are_passed_on_in_order_while_the_answer_is_still_being_made(
    start_hop: StartHop,
) -> None:
    hinted = asyncio.Event()

    async def hint(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" + HINTS)
        await hinted.wait()
        writer.write(OK)

    gateway, _ = await start_hop(hint)
    async with await RawClient.connect(gateway.port) as client:
        await client.send(GET)
        processing, hints = await client.answer(), await client.answer()
        hinted.set()
        answer = await client.answer()

    assert (processing.status, hints.status, answer.status) == (102, 103, 200)
    names = [name for name, _ in hints.fields]
    assert names == [b"Link", b"X-Correlation-ID"]
    assert hints.values(b"x-correlation-id") == answer.values(b"x-correlation-id")
    assert answer.body == b"ok"


async def test_an_interim_answer_in_one_piece_with_the_answer_comes_before_it(
    start_hop: StartHop,
) -> None:
    gateway, _ = await start_hop(HINTS + OK)

    came = await answers(gateway.port, GET, 2)

    assert [answer.status for answer in came] == [103, 200]


@pytest.mark.parametrize(
    "hints",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
    ],
    ids=["close", "HTTP/1.0"],
)
async def test_hints_of_an_instance_that_will_close_are_followed_by_its_answer(
    start_hop: StartHop, hints: bytes
) -> None:
    """Go also sends a handler's `Connection: close` with its hints, and the answer was a 502."""
    gateway, _ = await start_hop(hints + OK)

    first, answer = await answers(gateway.port, GET, 2)

    assert [name for name, _ in first.fields] == [b"Link", b"X-Correlation-ID"]
    assert (answer.status, answer.body) == (200, b"ok")


async def test_a_100_is_not_passed_on(start_hop: StartHop) -> None:
    """The gateway itself tells a client to go on."""
    gateway, _ = await start_hop(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)

    (answer,) = await answers(gateway.port, GET, 1)

    assert answer.status == 200


async def test_a_client_of_http_1_0_gets_no_interim_answer(start_hop: StartHop) -> None:
    gateway, _ = await start_hop(HINTS + OK)

    (answer,) = await answers(gateway.port, GET.replace(b"1.1", b"1.0"), 1)

    assert answer.status == 200


async def test_hints_of_an_instance_that_fails_are_followed_by_one_answer(
    start_hop: StartHop,
) -> None:
    gateway, _ = await start_hop(HINTS + b"garbage\r\n\r\n")

    came = await answers(gateway.port, GET, 2)

    assert [answer.status for answer in came] == [103, 502]


async def test_hints_carry_no_cors_field_where_the_gateway_owns_them(start_hop: StartHop) -> None:
    hints = HINTS.replace(b"Link:", b"Access-Control-Allow-Origin: *\r\nLink:")
    gateway, _ = await start_hop(hints + OK, CORS_ORIGINS="https://a.example")

    first, _ = await answers(gateway.port, GET, 2)

    assert first.values(b"access-control-allow-origin") == []


# Trailers


@pytest.mark.parametrize("apart", [False, True], ids=["in one piece", "apart"])
async def test_trailers_are_passed_to_a_client_that_takes_them(
    start_hop: StartHop, apart: bool
) -> None:
    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"2\r\nok\r\n")
        if apart:
            await behind.wait()
        writer.write(b"0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n")

    behind = asyncio.Event()
    gateway, upstream = await start_hop(answer)
    async with await RawClient.connect(gateway.port) as client:
        await client.send(TE)
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nTrailer: X-Sum\r\n" in head
        assert await client.reader.readuntil(b"ok\r\n") == b"2\r\nok\r\n"
        behind.set()
        assert await client.reader.readuntil(b"\r\n\r\n") == b"0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n"

        behind.clear()
        await client.send(TE)
        assert await client.reader.readuntil(b"ok\r\n")
        behind.set()
        assert (await client.reader.readuntil(b"2\r\n\r\n")).endswith(b"X-Sum: 2\r\n\r\n")
    assert upstream.requests[0].values(b"te") == [b"trailers"]
    assert upstream.requests[0].values(b"connection") == [b"TE"]


@pytest.mark.parametrize(
    "request_bytes",
    [GET, TE.replace(b"trailers", b"gzip"), TE.replace(b"1.1", b"1.0")],
    ids=["no TE", "TE of something else", "HTTP/1.0"],
)
async def test_trailers_are_dropped_for_others_and_so_is_their_announcement(
    start_hop: StartHop, request_bytes: bytes
) -> None:
    gateway, upstream = await start_hop(CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")

    answer = await exchange(gateway.port, request_bytes)

    assert (answer.body, answer.complete) == (b"ok", True)
    assert answer.values(b"trailer") == []
    assert upstream.requests[0].values(b"te") == []


@pytest.mark.parametrize(
    "name",
    [b"Set-Cookie", b"X-Correlation-ID", b"RateLimit", b"Connection", b"Content-Type", b"X-Hop"],
)
async def test_a_trailer_that_must_not_be_one_is_dropped(start_hop: StartHop, name: bytes) -> None:
    """RFC 9110 §6.5.1: fields for framing or routing, or needed before the body; also the gateway's own."""
    head = CHUNKED.replace(b"Trailer:", b"Connection: X-Hop\r\nTrailer:")
    gateway, _ = await start_hop(head + b"0\r\n" + name + b": x\r\nX-Sum: 1\r\n\r\n")

    async with await RawClient.connect(gateway.port) as client:
        await client.send(TE)
        await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"0\r\nX-Sum: 1\r\n\r\n"


# Lengths, and lengths of chunks


@pytest.mark.parametrize("more", [b"", b"X-RateLimit: 1\r\nRateLimit: x\r\n"])
async def test_a_204_has_no_length(start_hop: StartHop, more: bytes) -> None:
    """RFC 9110 §8.6, by the quick and by the careful way."""
    answer = b"HTTP/1.1 204 No Content\r\nDate: now\r\nContent-Length: 0\r\n" + more + b"\r\n"
    gateway, _ = await start_hop(answer)

    for _ in range(2):
        assert (await exchange(gateway.port, GET)).values(b"content-length") == []


@pytest.mark.parametrize("line", [b"2 ", b"2  \t", b"2 ; a=b", b"2;a=b", b"2 ;a", b"02\t; a = b"])
async def test_a_chunk_size_with_spaces_or_an_extension_is_read_as_by_others(
    start_hop: StartHop, line: bytes
) -> None:
    """nginx, Go and HAProxy accept them; here a 200 broke off in its body."""
    gateway, _ = await start_hop(CHUNKED + line + b"\r\nok\r\n0 \r\n\r\n")

    answer = await exchange(gateway.port, GET)

    assert (answer.status, answer.body, answer.complete) == (200, b"ok", True)
