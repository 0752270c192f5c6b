"""Single flight: one request to a service for all clients that wait for the same answer.

A flight has a task of its own, so the client that began it may leave. All who wait hear what became of it:
an answer that is kept, one that still comes, one that can't be kept, or a failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from middlewares.cache.body import KeptBody, KeptReader, Waiting
from middlewares.cache.entry import Entry, FieldLine, Head
from middlewares.exchange import Held
from middlewares.failures import Failure, ShuttingDown

#: So many flights that nobody waits for any more go on; of more, the oldest is given up.
MOST_ALONE = 500

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer is whole: `entry` has it. `status` is that of the instance's answer: 304 if it was validated.

    `is_kept`: others will find it in the store. `own_fields` are for who began the flight alone.
    `is_hit`: no instance was asked, as another gateway has kept it.
    """

    entry: Entry
    status: int
    vary: tuple[bytes, ...]
    secondary: bytes
    is_kept: bool = True
    own_fields: tuple[FieldLine, ...] = ()
    is_hit: bool = False


@dataclass(frozen=True, slots=True)
class Streaming:
    """The answer is being read into `body`; `entry` is what it will be, without its pieces.

    `own_fields` are for who began the flight alone.
    """

    entry: Entry
    head: Head
    vary: tuple[bytes, ...]
    secondary: bytes
    body: KeptBody
    own_fields: tuple[FieldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class LetGo:
    """The answer can't be kept; only who began the flight may have it."""

    why: str
    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, or an error, in place of which `entry` may be used if it is there."""

    failure: Failure | None
    status: int | None
    entry: Entry | None


Outcome = Stored | Streaming | LetGo | Failed


class Waiter:
    """One client's place in a flight; `leave` must be called in the end."""

    def __init__(self, flight: "Flight", *, leads: bool) -> None:
        self.leads = leads
        self._reader: KeptReader | None = None
        self._flight = flight

    async def outcome(self) -> Outcome:
        """Wait for what becomes of the flight."""
        return await self._flight.told()

    def give_reader(self, body: KeptBody) -> None:
        """Give it a place at the beginning of the body, if that is there."""
        if self._reader is None and body.is_whole:
            self._reader = body.reader()

    def take_reader(self) -> KeptReader | None:
        """Take over its place in the body; None: the beginning of the body is gone."""
        reader, self._reader = self._reader, None
        return reader

    def take_answer(self) -> tuple[web.StreamResponse, list[Held]]:
        """Take over the answer that can't be kept, and what its exchange holds."""
        return self._flight.take_answer()

    def leave(self) -> None:
        """Wait no longer."""
        if self._reader is not None:
            self._reader.release()
        self._flight.left(self)


class Flight:
    """One request that is under way for its waiters."""

    def __init__(self, since: int = 0) -> None:
        self.outcome: Outcome | None = None
        #: The purges that were known when it began.
        self.since = since
        #: What it is found by.
        self.keys: list[bytes] = []
        self.is_forgotten = False
        self._news = Waiting()
        self._waiters: set[Waiter] = set()
        self.is_led = False
        #: Called when the client that began it leaves.
        self.leader_left: Callable[[], None] | None = None
        #: Is told whether anybody waits for it or reads it.
        self.tell_alone: Callable[[Flight, bool], None] | None = None
        self._answer: web.StreamResponse | None = None
        self._held: list[Held] = []

    def join(self, *, leads: bool = False) -> Waiter:
        """Add one who waits; one who `leads` gets the answer that can't be kept."""
        waiter = Waiter(self, leads=leads)
        self.is_led = self.is_led or leads
        self._waiters.add(waiter)
        self.note_alone()
        if isinstance(self.outcome, Streaming):
            waiter.give_reader(self.outcome.body)
        return waiter

    async def told(self) -> Outcome:
        while self.outcome is None:
            await self._news.wait()
        return self.outcome

    def tell(self, outcome: Outcome) -> None:
        """Say what became of it."""
        self.outcome = outcome
        if isinstance(outcome, Streaming):
            # Now: a long body's beginning may be gone when their tasks run.
            for waiter in self._waiters:
                waiter.give_reader(outcome.body)
        self._news.wake()

    def hand_over(self, why: str, answer: web.StreamResponse, held: list[Held]) -> None:
        """Give an answer that can't be kept to who leads, or let go of it."""
        if self.is_led:
            self._answer, self._held = answer, held
        else:
            _release(held)
        self.tell(LetGo(why, answer.status))

    def take_answer(self) -> tuple[web.StreamResponse, list[Held]]:
        assert self._answer is not None, "only who leads takes it, and once"
        answer, held = self._answer, self._held
        self._answer, self._held = None, []
        return answer, held

    def note_alone(self) -> None:
        """Tell whether anybody is left."""
        if self.tell_alone is not None:
            outcome = self.outcome
            is_read = isinstance(outcome, Streaming) and outcome.body.is_read
            self.tell_alone(self, not self._waiters and not is_read)

    def left(self, waiter: Waiter) -> None:
        self._waiters.discard(waiter)
        self.note_alone()
        if waiter.leads:
            self.is_led = False
            if self.leader_left is not None:
                self.leader_left()
            held, self._held = self._held, []
            self._answer = None
            _release(held)


class Flights:
    """The flights of one worker, by key."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alone: dict[Flight, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def find(self, key: bytes) -> Flight | None:
        return self._flights.get(key)

    def begin(
        self,
        key: bytes | None,
        run: Callable[[Flight], Coroutine[Any, Any, None]],
        *,
        since: int = 0,
    ) -> Flight:
        """Begin a flight that `run` flies; it is found by its key, if it has one, until it has landed.

        `since` is the revision of the purges that are known now.
        """
        flight = Flight(since)
        if key is not None:
            self.also_at(key, flight)
        task = asyncio.get_running_loop().create_task(self._fly(flight, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        flight.tell_alone = partial(self._note_alone, task)
        return flight

    def also_at(self, key: bytes, flight: Flight) -> None:
        """Let a flight be found by another key too: that of the variant which it turned out to be."""
        if key not in self._flights and not flight.is_forgotten:
            self._flights[key] = flight
            flight.keys.append(key)

    def forget(self, flight: Flight) -> None:
        """Let nobody else join it."""
        flight.is_forgotten = True
        while flight.keys:
            del self._flights[flight.keys.pop()]

    def _note_alone(self, task: asyncio.Task[None], flight: Flight, is_alone: bool) -> None:
        """Give up the oldest flight that nobody waits for, if there are too many: clients come and leave at will."""
        if not is_alone:
            self._alone.pop(flight, None)
            return
        self._alone.setdefault(flight, task)
        if len(self._alone) > MOST_ALONE:
            oldest = next(iter(self._alone))
            self.forget(oldest)
            self._alone.pop(oldest).cancel()

    async def close(self) -> None:
        """End all flights."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fly(self, flight: Flight, run: Callable[[Flight], Awaitable[None]]) -> None:
        try:
            await run(flight)
        except Failure as failure:
            self._fail(flight, failure)
        except asyncio.CancelledError:
            self._fail(flight, ShuttingDown())
            raise
        except Exception as error:  # noqa: BLE001  # its clients must not wait for ever
            _log.error("cache.flight_failed", exc_info=error)
            self._fail(flight, Failure("the answer could not be read"))
        finally:
            self.forget(flight)
            self._alone.pop(flight, None)
            flight.tell_alone = None

    def _fail(self, flight: Flight, failure: Failure) -> None:
        if flight.outcome is None:
            flight.tell(Failed(failure.with_traceback(None), None, None))


def _release(held: list[Held]) -> None:
    while held:
        held.pop().release()
