"""One request for all who wait for the same answer."""

import asyncio

import pytest
from aiohttp import web

from middlewares.cache.body import KeptBody
from middlewares.cache.entry import Entry, Freshness, Head
from middlewares.cache.flights import MOST_ALONE, Failed, Flight, Flights, LetGo, Streaming
from middlewares.failures import ShuttingDown, UpstreamReset

HEAD = Head(200, b"OK", (), None)
ENTRY = Entry(200, b"OK", (), (), 0, Freshness(0.0, 60.0), 0.0, b"http://a/")


class Connection:
    """Something that an exchange holds."""

    released = False

    def release(self) -> None:
        self.released = True


async def until_cancelled(_flight: Flight) -> None:
    await asyncio.Event().wait()


async def test_an_answer_that_can_not_be_kept_goes_to_who_began_the_flight() -> None:
    flight = Flight()
    leader, other = flight.join(leads=True), flight.join()
    answer, connection = web.Response(status=201), Connection()
    flight.hand_over("private", answer, [connection])
    assert await other.outcome() == await leader.outcome() == LetGo("private", 201)
    assert leader.take_answer() == (answer, [connection])
    leader.leave()
    assert not connection.released


async def test_an_answer_that_its_client_has_left_is_let_go_of() -> None:
    before, later = Connection(), Connection()
    for connection, leaves_first in ((before, True), (later, False)):
        flight = Flight()
        leader = flight.join(leads=True)
        if leaves_first:
            leader.leave()
        flight.hand_over("private", web.Response(), [connection])
        if not leaves_first:
            leader.leave()
    assert before.released
    assert later.released


async def test_all_hear_of_the_failure_that_ended_it() -> None:
    async def fails(_flight: Flight) -> None:
        raise UpstreamReset("gone")

    flights = Flights()
    flight = flights.begin(b"key", fails)
    outcome = await flight.join().outcome()
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.failure, UpstreamReset)
    assert flights.find(b"key") is None


async def test_a_mistake_of_ours_leaves_nobody_waiting() -> None:
    async def fails(_flight: Flight) -> None:
        raise KeyError("ours")

    flight = Flights().begin(b"key", fails)
    outcome = await flight.join().outcome()
    assert isinstance(outcome, Failed)
    assert outcome.failure is not None
    assert "ours" not in str(outcome.failure)


async def test_flights_end_with_the_gateway() -> None:
    flights = Flights()
    waiter = flights.begin(b"key", until_cancelled).join()
    waiting = asyncio.ensure_future(waiter.outcome())
    await asyncio.sleep(0)
    await flights.close()
    outcome = await waiting
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.failure, ShuttingDown)
    assert len(flights) == 0


async def test_a_flight_is_found_by_the_key_of_its_variant_too() -> None:
    flights = Flights()
    flight = flights.begin(b"key", until_cancelled)
    flights.also_at(b"key/de", flight)
    other = flights.begin(b"other", until_cancelled)
    flights.also_at(b"key/de", other)
    assert flights.find(b"key/de") is flight
    flights.forget(flight)
    assert flights.find(b"key") is flights.find(b"key/de") is None
    await flights.close()


async def test_flights_that_nobody_waits_for_are_given_up_when_there_are_too_many() -> None:
    flights = Flights()
    waited_for = flights.begin(b"waited for", until_cancelled)
    waited_for.join()
    for number in range(MOST_ALONE + 1):
        flight = flights.begin(b"%d" % number, until_cancelled)
        flight.join(leads=True).leave()
    assert flights.find(b"0") is None
    assert flights.find(b"1") is not None
    assert flights.find(b"waited for") is waited_for
    await flights.close()


async def test_a_flight_that_somebody_joins_again_is_not_given_up() -> None:
    flights = Flights()
    joined = flights.begin(b"joined", until_cancelled)
    joined.join(leads=True).leave()
    waiter = joined.join()
    for number in range(MOST_ALONE + 1):
        flights.begin(b"%d" % number, until_cancelled).join(leads=True).leave()
    assert flights.find(b"joined") is joined
    waiter.leave()
    assert flights.find(b"1") is None
    await flights.close()


async def test_a_flight_whose_body_nobody_reads_is_given_up_and_one_that_is_read_is_not() -> None:
    flights = Flights()
    bodies = []
    for key in (b"unread", b"read"):
        flight = flights.begin(key, until_cancelled)
        waiter = flight.join(leads=True)
        body = KeptBody(100, unread=flight.note_alone)
        flight.tell(Streaming(ENTRY, HEAD, (), b"", body))
        reader = waiter.take_reader()
        waiter.leave()
        assert reader is not None
        bodies.append(reader)
    bodies[0].release()
    for number in range(MOST_ALONE):
        flights.begin(b"%d" % number, until_cancelled).join(leads=True).leave()
    assert flights.find(b"unread") is None
    assert flights.find(b"read") is not None
    await flights.close()


async def test_a_flight_that_has_landed_is_not_counted() -> None:
    async def lands(_flight: Flight) -> None:
        pass

    flights = Flights()
    waiters = [flights.begin(b"%d" % n, lands).join(leads=True) for n in range(MOST_ALONE)]
    await flights.close()
    for waiter in waiters:
        waiter.leave()
    first = flights.begin(b"first", until_cancelled)
    first.join(leads=True).leave()
    assert flights.find(b"first") is first
    await flights.close()


@pytest.mark.parametrize("leads", [True, False])
async def test_interim_answers_end_when_their_client_leaves(leads: bool) -> None:
    flight = Flight()
    left: list[bool] = []
    flight.leader_left = lambda: left.append(True)
    flight.join(leads=leads).leave()
    assert bool(left) is leads
