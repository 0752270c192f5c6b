"""What is read of the answer to a side request, and that everything is given back."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.front.answer import Answer
from gateway.front.detached_request import DetachedRequest
from gateway.front.side_requests import send_aside
from gateway.upstream.messages import ResponseHead
from middlewares.bodies import Pieces
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import Overloaded, UpstreamInvalid, UpstreamReset, UpstreamTimeout
from middlewares.header_section import HeaderSection
from middlewares.side_requests import SideAnswer, side_exchange
from tests.support.eventually import eventually

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOST = (b"Host", b"a.example")


class Source(Pieces):
    """A body that comes when the test says."""

    def __init__(self) -> None:
        super().__init__(2**20)
        self.given_back = False

    def is_complete(self) -> bool:
        return False

    def rest(self) -> bytes:
        raise AssertionError("it is not complete")

    def give_back(self, _source: object) -> None:
        self.given_back = True


class Whole(Source):
    """A body that is here."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def is_complete(self) -> bool:
        return True

    def rest(self) -> bytes:
        body, self._body = self._body, b""
        return body


def answering(source: Source, head: ResponseHead, seen: list[web.Request]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        answer = Answer(head, source, source.give_back)
        request[EXCHANGE].held.append(answer)
        return answer

    return handle


def exchange() -> Exchange:
    section = HeaderSection([HOST])
    section.check((1, 1))
    begun = Exchange("an-id", 0.0, "192.0.2.7", section, None, "/", "/")
    return side_exchange(begun, "/two", [HOST], b"body", started_s=0.0)


async def send(
    handler: Handler,
    *,
    within_s: float = 60.0,
    most_bytes: int = 8,
    hold: Callable[[int], None] = lambda size: None,
) -> SideAnswer:
    client = make_mocked_request("POST", "/")
    return await send_aside(
        client,
        exchange(),
        "POST",
        b"body",
        handler,
        within_s=within_s,
        most_bytes=most_bytes,
        hold=hold,
    )


async def test_it_goes_through_the_layers_without_a_client() -> None:
    seen: list[web.Request] = []
    source = Whole(b"answer")
    head = ResponseHead(201, b"Created", [(b"X", b"1")], 6)
    answer = await send(answering(source, head, seen))
    assert answer == SideAnswer(201, [(b"X", b"1")], b"answer")
    assert source.given_back
    (request,) = seen
    assert isinstance(request, DetachedRequest)
    assert (request.method, request.raw_path, request.body) == ("POST", "/two", b"body")
    assert request.client is None


@pytest.mark.parametrize("source", [Whole(b"ninebytes"), Source()])
async def test_a_body_over_the_cap_is_not_kept(source: Source) -> None:
    answer = await send(answering(source, ResponseHead(200, b"OK", [], 9), []))
    assert (answer.is_whole, answer.body) == (False, b"")
    assert source.given_back


async def test_a_body_without_a_length_is_read_to_the_cap() -> None:
    source = Source()
    sending = asyncio.ensure_future(send(answering(source, ResponseHead(200, b"OK", [], None), [])))
    source.take(b"four")
    source.take(b"5more")
    answer = await sending
    assert (answer.is_whole, answer.body) == (False, b"")
    assert source.given_back


async def test_each_piece_has_room_before_it_is_kept() -> None:
    source, sizes = Source(), list[int]()

    def hold(size: int) -> None:
        sizes.append(size)
        if len(sizes) == 2:
            raise Overloaded("no room")

    handler = answering(source, ResponseHead(200, b"OK", [], None), [])
    sending = asyncio.ensure_future(send(handler, most_bytes=1000, hold=hold))
    source.take(b"four")
    await eventually(lambda: bool(sizes))
    source.take(b"5more")
    with pytest.raises(Overloaded):
        await sending
    assert sizes == [4, 5]
    assert source.given_back


async def test_a_whole_body_has_room_before_it_is_kept() -> None:
    sizes: list[int] = []
    await send(answering(Whole(b"answer"), ResponseHead(200, b"OK", [], 6), []), hold=sizes.append)
    assert sizes == [6]


async def test_the_fields_that_layers_add_are_those_of_the_answer() -> None:
    """A kept answer has its age among them."""
    head = ResponseHead(200, b"OK", [(b"X", b"1"), (b"Vary", b"A"), (b"Age", b"1")], 0)

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await answering(Whole(b""), head, [])(request)
        assert isinstance(answer, Answer)
        answer.added = b"Age: 40\r\n"
        answer.headers["X"] = "2"
        answer.headers.add("Vary", "B")
        return answer

    assert (await send(handle)).fields == [
        (b"Vary", b"A"),
        (b"Age", b"40"),
        (b"X", b"2"),
        (b"Vary", b"B"),
    ]


async def test_an_event_stream_is_not_read() -> None:
    source = Source()
    head = ResponseHead(200, b"OK", [(b"Content-Type", b"text/event-stream")], None)
    answer = await send(answering(source, head, []))
    assert (answer.is_event_stream, answer.is_whole) == (True, False)
    assert source.given_back


async def test_the_time_holds_for_the_body_too() -> None:
    source = Source()
    with pytest.raises(UpstreamTimeout):
        await send(answering(source, ResponseHead(200, b"OK", [], 4), []), within_s=0.001)
    assert source.given_back


async def test_a_body_that_breaks_off_fails_it() -> None:
    source = Source()
    source.broke(UpstreamReset("the connection ended"))
    with pytest.raises(UpstreamReset):
        await send(answering(source, ResponseHead(200, b"OK", [], 4), []))
    assert source.given_back


async def test_who_gives_up_lets_go_of_the_connection() -> None:
    source, began = Source(), asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        began.set()
        return await answering(source, ResponseHead(200, b"OK", [], 4), [])(request)

    sending = asyncio.ensure_future(send(handle))
    await began.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert source.given_back


async def test_a_switch_of_protocols_is_no_answer() -> None:
    source = Source()
    with pytest.raises(UpstreamInvalid):
        await send(answering(source, ResponseHead(101, b"Switching Protocols", []), []))
    assert source.given_back


async def test_an_answer_of_the_gateway_itself_is_one_too() -> None:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, body=b"none", headers={"X": "1"})

    answer = await send(handle)
    assert (answer.status, answer.body, answer.is_whole) == (404, b"none", True)
    assert (b"X", b"1") in answer.fields
