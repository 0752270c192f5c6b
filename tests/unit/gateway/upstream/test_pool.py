"""Whose turn it is at an instance with a limited number of connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from discovery.model.addresses import AddressPolicy, AllowedHosts
from discovery.model.instance import Instance
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.dialing import Dialer, P
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import RequestHead
from gateway.upstream.pool import Pool
from middlewares.failures import Overloaded, UpstreamUnreachable
from tests.support.byte_connections import ANY, ByteTransport, at_once

GET = RequestHead("GET", b"GET / HTTP/1.1\r\n\r\n")
INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)


class SlowDialer(Dialer):
    """Makes connections to nobody, once the test lets it."""

    def __init__(self) -> None:
        super().__init__(AddressPolicy(AllowedHosts.parse("")))
        self.may_connect = asyncio.Event()
        self.may_connect.set()
        self.refuses = False
        self.dialed = 0
        self.sockets: list[socket.socket] = []

    async def connect(
        self,
        instance: Instance,
        protocol: Callable[[socket.socket], P],
        *,
        within_s: float,
        below: int = 0,
    ) -> P:
        self.dialed += 1
        async with asyncio.timeout(within_s):
            await self.may_connect.wait()
        if self.refuses:
            raise ConnectionRefusedError
        pair = socket.socketpair()
        self.sockets.extend(pair)
        connection = protocol(pair[0])
        connection.connection_made(ByteTransport())
        return connection


@pytest.fixture
async def dialer() -> AsyncIterator[SlowDialer]:
    one = SlowDialer()
    yield one
    for sock in one.sockets:
        sock.close()


def pool_of(dialer: Dialer, connections: int, wait_s: float = 5.0) -> Pool:
    return Pool(INSTANCE, dialer, UpstreamLimits(connections=connections, wait_s=wait_s))


async def take(pool: Pool) -> UpstreamConnection:
    """Take a connection as the hop does."""
    return pool.take_idle() or await pool.open(deadlines=ANY)


def use(connection: UpstreamConnection) -> None:
    """Run one whole exchange."""
    connection.request(GET, deadlines=ANY)
    connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert at_once(connection.head()) is not None


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_a_limit_nobody_waits(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)

    taken = [await take(pool) for _ in range(50)]

    assert len(set(taken)) == len(pool.active) == 50


async def test_the_one_that_was_given_back_last_is_taken_first(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    taken = [await take(pool) for _ in range(3)]
    for connection in taken:
        use(connection)
        pool.give_back(connection)

    assert [pool.take_idle() for _ in range(4)] == [*reversed(taken), None]
    assert all(connection.reused for connection in taken)


async def test_a_connection_that_can_not_be_used_again_is_ended(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    connection = await take(pool)
    connection.request(GET, deadlines=ANY)

    pool.give_back(connection)

    assert not connection.is_open
    assert (pool.idle, len(pool.active)) == (0, 0)


async def test_what_becomes_free_goes_to_who_waited_not_to_a_newcomer(dialer: SlowDialer) -> None:
    """A newcomer once took it, and the one that had waited opened one more than allowed."""
    pool = pool_of(dialer, 1)
    first = await take(pool)
    waits = asyncio.create_task(take(pool))
    await settle()
    use(first)

    pool.give_back(first)
    assert pool.take_idle() is None
    newcomer = asyncio.create_task(take(pool))
    await settle()

    assert waits.result() is first
    assert not newcomer.done()
    assert (dialer.dialed, len(pool.active), pool.idle) == (1, 1, 0)
    use(first)
    pool.give_back(first)
    assert await newcomer is first


async def test_turns_are_given_in_the_order_of_coming(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 1)
    order: list[int] = []

    async def use_once(number: int) -> None:
        connection = await take(pool)
        order.append(number)
        await settle()
        use(connection)
        pool.give_back(connection)

    await asyncio.gather(*[use_once(number) for number in range(8)])

    assert order == list(range(8))
    assert (dialer.dialed, pool.idle) == (1, 1)


async def test_who_waits_too_long_is_told_so(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 1, wait_s=0.05)
    first = await take(pool)

    with pytest.raises(Overloaded):
        await take(pool)

    use(first)
    pool.give_back(first)
    assert await take(pool) is first


async def test_a_turn_of_one_who_has_left_goes_to_the_next(dialer: SlowDialer) -> None:
    """The turn was once lost, and the next request waited in vain."""
    pool = pool_of(dialer, 1)
    first = await take(pool)
    leaves, stays = asyncio.create_task(take(pool)), asyncio.create_task(take(pool))
    await settle()
    use(first)

    pool.give_back(first)  # the turn is promised
    leaves.cancel()  # before it could be taken

    assert await asyncio.wait_for(stays, 10) is first
    assert leaves.cancelled()


async def test_one_who_leaves_while_it_connects_makes_room(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 1)
    dialer.may_connect.clear()
    connects, waits = asyncio.create_task(take(pool)), asyncio.create_task(take(pool))
    await settle()
    assert dialer.dialed == 1

    connects.cancel()
    dialer.may_connect.set()

    assert (await asyncio.wait_for(waits, 10)).is_open
    assert len(pool.active) == 1


async def test_one_who_can_not_connect_makes_room(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 1)
    dialer.may_connect.clear()
    dialer.refuses = True
    tasks = [asyncio.create_task(take(pool)) for _ in range(3)]
    await settle()

    dialer.may_connect.set()
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    assert [type(result) for result in results] == [UpstreamUnreachable] * 3
    assert dialer.dialed == 3
    assert len(pool.active) == 0


async def test_a_fresh_one_is_no_idle_one(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    first = await take(pool)
    use(first)
    pool.give_back(first)

    connection = await pool.open(deadlines=ANY, fresh=True)

    assert connection is not first
    assert not connection.reused


async def test_a_pool_that_is_closed_keeps_nothing(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    idle, active = await take(pool), await take(pool)
    use(idle)
    pool.give_back(idle)

    pool.close()
    assert [one.is_open for one in (idle, active)] == [False, True]
    use(active)
    pool.give_back(active)

    assert [one.is_open for one in (idle, active)] == [False, False]
    assert (pool.idle, len(pool.active)) == (0, 0)


async def test_a_sweep_ends_what_was_idle_too_long_and_nothing_else(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    taken = [await take(pool) for _ in range(3)]
    for connection in taken[:2]:
        use(connection)
        pool.give_back(connection)
    now_s = asyncio.get_running_loop().time()
    taken[0].idle_since_s = now_s - 5

    pool.sweep(now_s)

    assert [connection.is_open for connection in taken] == [False, True, True]
    assert (pool.idle, len(pool.active)) == (1, 1)


async def test_who_waits_or_connects_is_in_flight(dialer: SlowDialer) -> None:
    """Choosing and draining once counted only requests with a connection, so a hanging instance looked idle."""
    pool = pool_of(dialer, 1)
    dialer.may_connect.clear()
    connects, waits = asyncio.create_task(take(pool)), asyncio.create_task(take(pool))
    await settle()
    assert pool.in_flight == 2

    dialer.may_connect.set()
    first = await connects
    assert pool.in_flight == 2
    use(first)
    pool.give_back(first)
    assert await waits is first
    assert pool.in_flight == 1
    use(first)
    pool.give_back(first)

    assert pool.in_flight == 0


async def test_who_waits_in_vain_is_in_flight_no_more(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 1, wait_s=0.05)
    await take(pool)

    with pytest.raises(Overloaded):
        await take(pool)

    assert pool.in_flight == 1


@pytest.mark.parametrize("how", ["taken", "swept"])
async def test_what_can_not_be_repeated_keeps_clear_of_the_age_at_which_an_instance_closes(
    dialer: SlowDialer, how: str
) -> None:
    """A request that crossed the close was already in the instance's kernel: some in thousands were lost."""
    pool = pool_of(dialer, 0)
    other, closed = [await take(pool) for _ in range(2)]
    for connection in (other, closed):
        use(connection)
        pool.give_back(connection)
    closed.idle_since_s -= 2.0
    closed.connection_lost(None)
    if how == "swept":
        pool.sweep(closed.lost_s)

    assert pool.take_idle() is other
    for idle_s, is_safe in ((0.8, True), (1.2, False)):
        use(other)
        pool.give_back(other)
        other.idle_since_s -= idle_s
        assert pool.take_idle(repeatable=False) is (other if is_safe else None)

    assert pool.take_idle() is other


async def test_what_was_idle_too_long_teaches_nothing_of_the_instance(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    old, other = [await take(pool) for _ in range(2)]
    for connection in (old, other):
        use(connection)
        pool.give_back(connection)
    old.idle_since_s -= old.idle_limit_s
    pool.sweep(asyncio.get_running_loop().time())
    other.idle_since_s -= old.idle_limit_s * 0.9

    assert pool.take_idle(repeatable=False) is other
