"""A request's body on its way to an instance: waiting for one side does not cost the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.upstream.messages import RequestHead
from middlewares.failures import UpstreamReset
from middlewares.routing.policy import NEVER
from tests.support.byte_connections import ANY, ByteConnection
from tests.support.eventually import eventually

PIECES = 50
HEAD = RequestHead("POST", b"POST / HTTP/1.1\r\n\r\n", length=PIECES)


@pytest.fixture
async def there() -> AsyncIterator[ByteConnection]:
    one = ByteConnection()
    yield one
    one.connection.abort()
    one.close()


async def test_nothing_is_read_of_an_upload_while_the_instance_takes_nothing(
    there: ByteConnection,
) -> None:
    """64 MiB were once read at once and kept for an instance that reads slowly."""
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(PIECES):
            taken += 1
            if taken == 2:
                there.connection.pause_writing()
            yield b"x"

    there.connection.request(HEAD, body(), deadlines=ANY)
    for _ in range(PIECES):
        await asyncio.sleep(0)
    assert taken == 2

    there.connection.resume_writing()
    await eventually(lambda: there.transport.written == HEAD.data + PIECES * b"x")


async def test_an_instance_is_not_blamed_while_its_client_pauses(there: ByteConnection) -> None:
    """UPSTREAM_TIMEOUT begins once the whole request has been sent."""
    paused, goes_on = asyncio.Event(), asyncio.Event()
    connection = there.connection

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        paused.set()
        await goes_on.wait()
        yield (PIECES - 1) * b"x"

    connection.request(HEAD, body(), deadlines=ANY)
    await asyncio.wait_for(paused.wait(), 15)
    connection.check_deadline(asyncio.get_running_loop().time() + 10_000)
    assert not connection.is_waiting
    assert connection._failure is None

    goes_on.set()
    await eventually(lambda: connection.deadline_s != NEVER)
    assert connection.is_waiting


@pytest.mark.parametrize("is_whole", [False, True])
async def test_a_reset_says_whether_the_body_was_still_coming(
    there: ByteConnection, is_whole: bool
) -> None:
    paused = asyncio.Event()
    connection = there.connection

    async def body() -> AsyncIterator[bytes]:
        yield PIECES * b"x"
        if not is_whole:
            paused.set()
            await asyncio.Event().wait()

    connection.request(HEAD, body(), deadlines=ANY)
    await eventually(lambda: connection.is_sent if is_whole else paused.is_set())
    connection.connection_lost(ConnectionResetError())

    failure = connection._failure
    assert isinstance(failure, UpstreamReset)
    assert failure.was_sending is not is_whole


async def test_a_tunnel_whose_first_burst_was_large_goes_on() -> None:
    """The bytes that came with the 101 paused the reading, and no reader resumed it."""
    there = ByteConnection()
    connection = there.ask(upgrades=True)
    switch = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
    connection.data_received(switch + bytes(20_000))
    connection.data_received(bytes(20_000))
    assert not there.transport.is_reading()
    received: list[bytes] = []

    class Taker:
        def upstream_data(self, data: bytes) -> None:
            received.append(data)

        def upstream_finished(self) -> None: ...

        def upstream_paused(self, paused: bool) -> None: ...

        def upstream_lost(self) -> None: ...

    connection.hand_over(Taker())

    assert len(b"".join(received)) == 40_000
    assert there.transport.is_reading()
    there.close()
