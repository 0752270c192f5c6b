"""A connection's exchanges, its backpressure, and what it forwards."""

import asyncio
from collections.abc import Iterable

from hypothesis import given

from middlewares.routing.policy import Deadlines
from tests.support.byte_connections import ByteConnection, at_once
from tests.support.response_bytes import OK, Response, cut, cuts, fuzzed, responses

ANSWER = OK + b"Content-Length: 5\r\n\r\nhello"


def ask(there: ByteConnection, pieces: Iterable[bytes], *, method: str) -> None:
    """Run one exchange whose pieces all come at once."""
    connection = there.ask(method)
    for piece in filter(None, pieces):
        if not there.transport.aborted:
            connection.data_received(piece)


def look(there: ByteConnection, response: Response, *, reusable: bool) -> None:
    """Check that this response came."""
    connection, expected = there.connection, response.expected
    head = at_once(connection.head())
    assert head is not None
    assert (head.status, head.phrase, tuple(head.fields)) == (
        expected.status,
        expected.phrase,
        expected.fields,
    )
    assert connection.is_complete()
    assert connection.rest() == expected.body
    assert connection.is_reusable() is reusable


@given(response=responses(), at=cuts)
@fuzzed
async def test_a_clean_end_behind_a_whole_response_changes_nothing_of_it(
    response: Response, at: list[int]
) -> None:
    there = ByteConnection()
    ask(there, cut(response.data, at), method=response.method)
    there.connection.connection_lost(None)

    look(there, response, reusable=False)
    there.close()


@given(first=responses(), second=responses(), at=cuts)
@fuzzed
async def test_a_response_after_the_first_is_never_anybodys(
    first: Response, second: Response, at: list[int]
) -> None:
    """The connection on which it came is never used again either."""
    if first.ends:
        return
    there = ByteConnection()
    ask(there, cut(first.data + second.data, at), method=first.method)

    look(there, first, reusable=False)
    there.close()


@given(first=responses(), second=responses(), at=cuts)
@fuzzed
async def test_one_exchange_leaves_nothing_to_the_next(
    first: Response, second: Response, at: list[int]
) -> None:
    there = ByteConnection()
    for response in (first, second):
        if not response.expected.reusable:
            break
        ask(there, cut(response.data, at), method=response.method)
        look(there, response, reusable=True)
        assert there.transport.is_reading()
    there.close()


async def test_bytes_behind_a_repeated_answer_end_the_connection() -> None:
    for pieces in ([ANSWER], [ANSWER, b"HTTP/1.1 200 OK\r\n\r\n"]):
        there = ByteConnection()
        ask(there, pieces, method="GET")
        there.close()

    assert there.transport.aborted
    assert not there.connection.is_reusable()


# Backpressure


async def test_reading_pauses_while_much_is_unread_and_goes_on_when_it_was_taken() -> None:
    there = ByteConnection()
    connection = there.ask()
    connection.data_received(OK + b"Content-Length: 300000\r\n\r\n")
    connection.data_received(b"x" * 30_000)
    assert there.transport.is_reading()
    connection.data_received(b"x" * 30_000)
    assert not there.transport.is_reading()

    assert at_once(connection.read()) == b"x" * 30_000
    assert at_once(connection.read()) == b"x" * 30_000
    assert not there.transport.is_reading(), "the reader may not be done with it"
    reading = asyncio.create_task(connection.read())
    await asyncio.sleep(0)
    assert there.transport.is_reading()
    connection.data_received(b"y")
    assert await reading == b"y"
    there.close()


async def test_one_piece_that_a_slow_client_declined_pauses_reading() -> None:
    there = ByteConnection()
    connection = there.ask()
    connection.data_received(OK + b"Content-Length: 300000\r\n\r\n")
    connection.forward_to(lambda _: False)
    connection.data_received(b"x" * 20_000)
    assert not there.transport.is_reading()
    there.close()


async def test_an_answer_that_is_taken_whole_leaves_nothing_paused() -> None:
    """The next answer on the connection would never be read."""
    there = ByteConnection()
    connection = there.ask()
    connection.data_received(OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000)
    assert not there.transport.is_reading()

    assert len(connection.rest()) == 100_000

    assert there.transport.is_reading()
    assert connection.is_reusable()
    there.close()


# What is forwarded as it arrives


async def test_pieces_are_forwarded_as_they_arrive_and_wake_nobody() -> None:
    there = ByteConnection()
    connection = there.ask()
    connection.data_received(OK + b"Content-Length: 9\r\n\r\none")
    assert at_once(connection.read()) == b"one"
    forwarded: list[bytes] = []
    connection.forward_to(lambda piece: forwarded.append(piece) is None)
    reader = asyncio.create_task(connection.read())
    await asyncio.sleep(0)

    connection.data_received(b"two")
    await asyncio.sleep(0)
    assert forwarded == [b"two"]
    assert not reader.done()

    connection.data_received(b"end")
    assert await reader == b""
    assert forwarded == [b"two", b"end"]
    there.close()


async def test_behind_a_piece_that_was_declined_all_wait_for_the_reader() -> None:
    there = ByteConnection()
    connection = there.ask()
    connection.data_received(OK + b"Content-Length: 9\r\n\r\n")
    answers = iter([False, True])
    connection.forward_to(lambda _: next(answers))

    connection.data_received(b"one")
    connection.data_received(b"two")  # it must not overtake the first
    assert at_once(connection.read()) == b"one"
    assert at_once(connection.read()) == b"two"
    connection.data_received(b"six")
    assert at_once(connection.read()) == b""
    there.close()


async def test_a_forwarded_piece_is_a_sign_of_life() -> None:
    there = ByteConnection()
    connection = there.ask(deadlines=Deadlines(idle_s=10.0))
    connection.data_received(OK + b"Content-Length: 9\r\n\r\n")
    connection.forward_to(lambda _: True)
    connection.deadline_s = before_s = asyncio.get_running_loop().time()

    connection.data_received(b"one")

    assert connection.deadline_s >= before_s + 10.0
    there.close()


async def test_what_is_read_into_the_shared_buffer_is_copied_out_of_it() -> None:
    one, other = ByteConnection(), ByteConnection()
    for there in (one, other):
        there.ask().data_received(OK + b"Content-Length: 3\r\n\r\n")
    for there, data in ((one, b"one"), (other, b"two")):
        there.connection.get_buffer(-1)[:3] = data
        there.connection.buffer_updated(3)

    assert at_once(one.connection.read()) == b"one"
    assert at_once(other.connection.read()) == b"two"
    one.close()
    other.close()
