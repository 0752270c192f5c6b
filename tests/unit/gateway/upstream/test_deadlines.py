"""Each of two requests to one instance keeps its own deadlines."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.upstream.connection import UpstreamConnection
from middlewares.failures import UpstreamTimeout, UpstreamUnreachable
from middlewares.routing.policy import NEVER, Deadlines, RoutePolicy, Timeouts
from tests.support.byte_connections import ANY, ByteConnection, at_once
from tests.unit.gateway.upstream.test_pool import GET, SlowDialer, pool_of, settle, use

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
PATIENT = Deadlines(connect_s=3600.0, head_s=3600.0, idle_s=3600.0)


@pytest.fixture
async def dialer() -> AsyncIterator[SlowDialer]:
    one = SlowDialer()
    yield one
    for sock in one.sockets:
        sock.close()


def now_s() -> float:
    return asyncio.get_running_loop().time()


def has_timed_out(connection: UpstreamConnection) -> bool:
    return isinstance(connection._failure, UpstreamTimeout)


def test_a_request_is_over_so_long_after_its_beginning() -> None:
    policy = RoutePolicy(Timeouts(connect_s=1.0, head_s=2.0, idle_s=3.0, total_s=4.0))

    assert policy.deadlines_until(104.0) == Deadlines(1.0, 2.0, 3.0, ends_s=104.0)
    assert policy.deadlines.ends_s == NEVER


async def test_a_request_without_a_limit_waits_for_its_head_for_years() -> None:
    there = ByteConnection()
    there.ask(deadlines=RoutePolicy(Timeouts(0.0, 0.0, 0.0, 0.0)).deadlines)
    there.connection.check_deadline(now_s() + 10 * 365 * 86_400)

    assert there.connection.is_waiting  # so that it can move to another instance
    there.close()


async def test_each_request_over_one_connection_has_its_own_time_for_the_head() -> None:
    there = ByteConnection()
    there.ask(deadlines=PATIENT)
    there.connection.check_deadline(now_s() + 60)
    there.connection.data_received(HEAD + b"ok")
    assert there.connection.rest() == b"ok"

    there.ask(deadlines=Deadlines(head_s=1.0))
    there.connection.check_deadline(now_s() + 60)

    assert has_timed_out(there.connection)
    there.close()


async def test_each_request_over_one_connection_has_its_own_time_between_pieces() -> None:
    there = ByteConnection()
    for idle_s, fails in ((0.0, False), (3600.0, False), (1.0, True)):
        connection = there.ask(deadlines=Deadlines(idle_s=idle_s))
        connection.data_received(HEAD)
        reading = asyncio.create_task(connection.read())
        await settle()

        connection.check_deadline(now_s() + 60)
        assert has_timed_out(connection) is fails
        connection.data_received(b"ok")
        await asyncio.wait([reading])
        if not fails:
            assert reading.result() == b"ok"
            assert at_once(connection.read()) == b""
    assert isinstance(reading.exception(), UpstreamTimeout)
    there.close()


async def test_a_sweep_ends_only_what_is_overdue_by_its_own_deadlines(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    hasty, patient, ending = [await pool.open(deadlines=ANY) for _ in range(3)]
    hasty.request(GET, deadlines=Deadlines(head_s=1.0))
    patient.request(GET, deadlines=PATIENT)
    ending.request(GET, deadlines=PATIENT._replace(ends_s=now_s() + 1.0))

    pool.sweep(now_s() + 60)

    assert [has_timed_out(one) for one in (hasty, patient, ending)] == [True, False, True]


async def test_what_waits_for_a_slow_connect_waits_as_long_as_it_may(dialer: SlowDialer) -> None:
    pool = pool_of(dialer, 0)
    dialer.may_connect.clear()
    patient = asyncio.create_task(pool.open(deadlines=PATIENT))

    with pytest.raises(UpstreamUnreachable):
        await pool.open(deadlines=PATIENT._replace(connect_s=0.01))
    with pytest.raises(UpstreamTimeout):
        await pool.open(deadlines=PATIENT._replace(ends_s=now_s() + 0.01))

    assert not patient.done()
    dialer.may_connect.set()
    use(await patient)


async def test_a_request_that_ends_while_its_client_sends_says_how_little_the_instance_had() -> (
    None
):
    there = ByteConnection()
    began_s = now_s()
    there.ask(deadlines=PATIENT._replace(ends_s=began_s + 60))
    connection = there.connection
    connection.expect_head(False)  # the gateway waits for the client's body
    connection.check_deadline(began_s + 60)

    failure = connection._failure
    assert isinstance(failure, UpstreamTimeout)
    assert failure.waited_s == 0.0
    there.close()


@pytest.mark.parametrize(("head_s", "is_less"), [(10.0, False), (3600.0, True)])
async def test_a_time_out_says_whether_the_instance_had_all_of_its_time(
    head_s: float, is_less: bool
) -> None:
    there = ByteConnection()
    there.ask(deadlines=PATIENT._replace(head_s=head_s, ends_s=now_s() + 60))
    there.connection.check_deadline(now_s() + 60)

    failure = there.connection._failure
    assert isinstance(failure, UpstreamTimeout)
    assert (failure.waited_s < head_s) is is_less
    there.close()
