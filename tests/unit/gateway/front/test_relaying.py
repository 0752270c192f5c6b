"""An answer's way to the client: every piece once, in order, and no endless wait."""

import asyncio
from typing import Self

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from aiohttp.test_utils import make_mocked_request

from gateway.front.answer import Answer
from gateway.front.delivering import relay
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.header_section import HeaderSection
from tests.support.byte_connections import ByteConnection, ByteTransport
from tests.support.eventually import eventually

FRAMED = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Client(BaseProtocol):
    """The client's side of a connection, with what a mocked aiohttp request needs."""

    passes_on: Answer | None = None
    writer: StreamWriter
    ssl_context = peername = sockname = None


class Relaying:
    """A relay between an upstream connection and a client, both without a network."""

    def __init__(self, head: bytes, *, send_timeout_s: float = 0.0, reads: bool = True) -> None:
        self.upstream = ByteConnection()
        self.connection = self.upstream.ask()
        self.connection.data_received(head)
        self.transport = ByteTransport()
        self.client = Client(asyncio.get_running_loop())
        self.client.connection_made(self.transport)
        if not reads:
            self.client.pause_writing()
        self.exchange = Exchange("id", 0.0, "", HeaderSection(()), None, "/", "/")
        self._send_timeout_s = send_timeout_s

        self._relaying = asyncio.create_task(self._relay())

    async def _relay(self) -> None:
        head = await self.connection.head()
        request = make_mocked_request(
            "GET",
            "/",
            protocol=self.client,
            writer=StreamWriter(self.client, asyncio.get_running_loop()),
            transport=self.transport,
        )
        request[EXCHANGE] = self.exchange
        answer = self.answer = Answer(
            head,
            self.connection,
            lambda _: None,
            send_timeout_s=self._send_timeout_s,
        )
        await relay(request, answer)

    def give_up_after(self, timeout_s: float) -> None:
        """Let the client read nothing for so long from the next time that it is waited for."""
        self.answer._send_timeout_s = timeout_s

    async def waits_for_the_client(self) -> None:
        await eventually(lambda: self.client._drain_waiter is not None)

    async def over(self) -> None:
        async with asyncio.timeout(15):
            await self._relaying

    @property
    def body(self) -> bytes:
        return self.transport.written.partition(b"\r\n\r\n")[2]

    async def __aenter__(self) -> Self:
        await eventually(lambda: self.transport.written)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._relaying.cancel()
        await asyncio.wait([self._relaying])
        self.upstream.close()


async def test_no_piece_overtakes_one_that_waits_for_the_client() -> None:
    """A piece did when the client resumed in the same turn of the loop in which the next piece came."""
    async with Relaying(FRAMED) as there:
        there.client.pause_writing()
        there.connection.data_received(b"one")
        await there.waits_for_the_client()

        there.client.resume_writing()
        there.connection.data_received(b"two")
        there.connection.data_received(b"six")
        await there.over()

        assert there.body == b"onetwosix"


async def test_the_end_of_a_chunked_body_waits_for_nobody() -> None:
    """aiohttp waits for ever until the client has read, and the instance's connection waited too."""
    async with Relaying(CHUNKED) as there:
        there.client.pause_writing()
        there.connection.data_received(b"0\r\n\r\n")
        await there.over()

        assert there.body == b"0\r\n\r\n"


async def test_a_client_that_reads_slowly_and_then_nothing_is_given_up() -> None:
    """Data written after the client became slow counted as aiohttp's, which waits without a limit."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
    async with Relaying(head, send_timeout_s=60.0) as there:
        there.client.pause_writing()
        for left in (2, 1, 0):
            there.connection.data_received(b"x" * 30_000)
            await there.waits_for_the_client()
            if not left:
                there.give_up_after(0.05)
            there.client.resume_writing()
            there.client.pause_writing()
        there.connection.data_received(b"x" * 30_000)
        await there.over()

        assert there.transport.aborted
        assert there.exchange.reason == "request_timeout"


async def test_what_was_sent_to_a_client_that_leaves_is_counted() -> None:
    async with Relaying(FRAMED) as there:
        there.connection.data_received(b"one")
        await eventually(lambda: there.body == b"one")

    assert there.exchange.bytes_out == len(b"one")


async def test_a_client_that_reads_nothing_of_a_whole_answer_is_given_up() -> None:
    """Such an answer was written at once, and then the request waited for its client without a limit."""
    body = b"x" * 65_536
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with Relaying(head + body, send_timeout_s=0.05, reads=False) as there:
        await there.over()

        assert there.body == body
        assert there.transport.aborted
        assert there.exchange.reason == "request_timeout"
