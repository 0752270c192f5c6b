"""When a connection may carry another request: by what it learned, its idle time, and what came."""

from collections.abc import AsyncIterator

import pytest

from gateway.upstream.connection import UpstreamConnection
from middlewares.failures import UpstreamReset
from tests.support.byte_connections import ByteConnection, at_once

NOW_S = 1000.0


@pytest.fixture
async def there() -> AsyncIterator[ByteConnection]:
    one = ByteConnection()
    yield one
    one.close()


def after_answer(there: ByteConnection, *fields: bytes) -> UpstreamConnection:
    """The connection after an exchange, idle since NOW_S."""
    connection = there.ask()
    lines = b"".join(field + b"\r\n" for field in fields)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b\r\n" % lines)
    assert at_once(connection.head()) is not None
    assert connection.is_reusable()
    connection.idle_since_s = NOW_S
    return connection


@pytest.mark.parametrize(
    ("fields", "limit_s"),
    [
        ([], 4.0),
        ([b"Keep-Alive: timeout=5"], 4.0),
        ([b"Keep-Alive: timeout=75"], 74.0),
        ([b"keep-alive: TIMEOUT=10, max=100"], 9.0),
        ([b"Keep-Alive: max=100, timeout=10"], 9.0),
        ([b"Keep-Alive:timeout=2"], 1.0),
        ([b"Keep-Alive: timeout=x"], 4.0),
        ([b"Keep-Alive: timeout=-1"], 4.0),
        ([b"Keep-Alive: timeout="], 4.0),
        ([b"Keep-Alive: timeout=" + b"9" * 5000], 4.0),
        ([b"Keep-Alive: max=5"], 4.0),
        ([b"Keep-Alive: "], 4.0),
        ([b"X-Keep-Alive: timeout=10"], 4.0),
    ],
    ids=lambda value: (
        (b", ".join(value).decode()[:40] or "nothing said") if isinstance(value, list) else ""
    ),
)
async def test_an_idle_connection_lives_a_second_less_than_the_upstream_says(
    there: ByteConnection, fields: list[bytes], limit_s: float
) -> None:
    connection = after_answer(there, *fields)

    assert connection.is_fresh(NOW_S)
    assert connection.is_fresh(NOW_S + limit_s - 0.001)
    assert not connection.is_fresh(NOW_S + limit_s)


@pytest.mark.parametrize("seconds", [b"0", b"1"])
async def test_a_connection_that_is_hardly_kept_is_never_used_again(
    there: ByteConnection, seconds: bytes
) -> None:
    assert not after_answer(there, b"Keep-Alive: timeout=" + seconds).is_fresh(NOW_S)


async def test_what_was_learned_stays_until_something_else_is_said(there: ByteConnection) -> None:
    after_answer(there, b"Keep-Alive: timeout=11")
    assert after_answer(there).is_fresh(NOW_S + 9.9)
    assert not after_answer(there, b"Keep-Alive: timeout=3").is_fresh(NOW_S + 2.1)


@pytest.mark.parametrize(
    "what", [b"x", b"HTTP/1.1 200 OK\r\n\r\n", b""], ids=["byte", "answer", "FIN"]
)
async def test_a_connection_on_which_anything_came_meanwhile_is_not_fresh(
    there: ByteConnection, what: bytes
) -> None:
    """The bytes are still in the socket, because the loop has had no time to read them."""
    connection = after_answer(there)
    if what:
        there.peer.send(what)
    else:
        there.peer.close()

    assert not connection.is_fresh(NOW_S)


async def test_bytes_that_come_while_it_is_idle_end_it(there: ByteConnection) -> None:
    connection = after_answer(there)

    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    assert there.transport.aborted
    assert not connection.is_fresh(NOW_S)
    assert not connection.is_reusable()


async def test_an_end_while_it_is_idle_is_no_failure_of_anybodys(there: ByteConnection) -> None:
    connection = after_answer(there)

    connection.connection_lost(None)

    assert not connection.is_fresh(NOW_S)
    assert connection.is_complete()


async def test_an_answer_that_was_not_read_to_its_end_is_not_followed_by_another(
    there: ByteConnection,
) -> None:
    connection = there.ask()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert not connection.is_reusable()

    connection.rest()

    assert connection.is_reusable()


async def test_an_answer_that_has_not_come_to_its_end_is_not_followed_by_another(
    there: ByteConnection,
) -> None:
    connection = there.ask()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")
    connection.rest()

    assert not connection.is_reusable()


@pytest.mark.parametrize("error", [None, ConnectionResetError()], ids=["FIN", "reset"])
@pytest.mark.parametrize("when", ["just before", "long before"])
async def test_a_connection_that_ended_before_the_request_has_seen_nothing_of_it(
    there: ByteConnection, error: Exception | None, when: str
) -> None:
    """A new connection may end before its first use; the request then once waited for the time-out."""
    connection = there.connection
    there.transport.abort()
    if when == "just before":
        there.ask("POST")
        connection.connection_lost(error)
    else:
        connection.connection_lost(error)
        there.ask("POST")

    with pytest.raises(UpstreamReset) as reset:
        at_once(connection.head())

    assert reset.value.untouched


async def test_bytes_before_the_first_request_end_the_connection(there: ByteConnection) -> None:
    """The bytes were once read as the answer to that request."""
    there.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunasked")
    assert there.transport.aborted

    connection = there.ask("POST")

    with pytest.raises(UpstreamReset) as reset:
        at_once(connection.head())
    assert reset.value.untouched
    assert reset.value.evidence == "it sent 45 bytes before it was asked anything"
    assert there.transport.written == b""
