"""The limiter's calls under a load that does not wait for them: one call in flight for each worker."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.carries.frames import CLIENTS, Frames
from bench.carries.server import Server
from bench.carries.wire import Talker, polled, talkers
from bench.report import quantile

#: Sizes of calls that are made ready; a worker takes the largest that it can fill.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 500)
_FRAMES_OF_A_SIZE = 40


@dataclass(frozen=True, slots=True)
class Rate:
    """What so many decisions a second did: shares of a core, the times of a decision in ms."""

    offered_s: float
    decided_s: float
    workers: int
    cpu_share: float
    batch: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    #: Of the registry's time on its core or waiting for it: the share that others kept it waiting.
    kept_away: float


class Calls:
    """Ready calls of each size."""

    def __init__(self, frames: Frames) -> None:
        chosen = random.Random(1)
        self._of_size = {
            size: [
                frames.limits([f"client-{n}" for n in chosen.sample(range(CLIENTS), size)])
                for _ in range(_FRAMES_OF_A_SIZE)
            ]
            for size in SIZES
        }
        self._chosen = chosen

    def take(self, most: int) -> tuple[int, bytes]:
        """The largest call of no more asks than these."""
        size = next(size for size in reversed(SIZES) if size <= most)
        return size, self._chosen.choice(self._of_size[size])


class Worker:
    """Requests come at a rate; those that wait go together once the call before is answered."""

    def __init__(self, talker: Talker, per_s: float, begins_s: float) -> None:
        self._talker = talker
        talker.note = self
        self._every_s = 1 / per_s
        self._next_s = begins_s + random.random() * self._every_s
        self._oldest_s = 0.0
        self.under_way = 0
        self.due_s = self._next_s

    def send(self, calls: Calls, now_s: float) -> bool:
        """Send what waits, if nothing is under way; returns whether something was sent."""
        if self.under_way or self._next_s > now_s:
            return False
        size, frame = calls.take(int((now_s - self._next_s) / self._every_s) + 1)
        self._oldest_s = self._next_s
        self.under_way = size
        self._next_s += size * self._every_s
        self._talker.send(frame)
        return True

    def answered(self, now_s: float) -> list[float]:
        """How long each request of the call waited for its decision."""
        size, self.under_way = self.under_way, 0
        return [now_s - self._oldest_s - number * self._every_s for number in range(size)]


def at_rate(server: Server, calls: Calls, offered_s: float, workers: int, for_s: float) -> Rate:
    """Decisions at this rate over so many workers."""
    with talkers(server.port, workers) as those, polled(those) as poll:
        begun_s = time.perf_counter()
        crew = [Worker(one, offered_s / workers, begun_s) for one in those]
        waits_s: list[float] = []
        made = 0
        counted_from_s = begun_s + for_s / 4
        before, on_core = server.used(), server.on_core()
        counting = False
        while (now_s := time.perf_counter()) < begun_s + for_s:
            if not counting and now_s >= counted_from_s:
                counting, made = True, 0
                waits_s.clear()
                counted_from_s = now_s
                before, on_core = server.used(), server.on_core()
            for one in crew:
                made += one.send(calls, now_s)
            for talker, _ in poll.answers(0.0002):
                waits_s += talker.note.answered(time.perf_counter())
        took_s = time.perf_counter() - counted_from_s
        used = server.used() - before
        ran_ns, waited_ns = (
            now - then for now, then in zip(server.on_core(), on_core, strict=True)
        )
        while any(one.under_way for one in crew):
            for talker, _ in poll.answers(5.0):
                talker.note.answered(0.0)
    return Rate(
        offered_s,
        len(waits_s) / took_s,
        workers,
        used.cpu_us / 1e6 / took_s,
        len(waits_s) / max(1, made),
        sum(waits_s) / len(waits_s) * 1000,
        quantile(waits_s, 0.5) * 1000,
        quantile(waits_s, 0.99) * 1000,
        max(waits_s) * 1000,
        waited_ns / max(1, ran_ns + waited_ns),
    )


def reached(rates: Sequence[Rate], limit_ms: float) -> Rate | None:
    """The first rate at which one decision in a hundred takes longer than the limit."""
    return next((one for one in rates if one.p99_ms > limit_ms), None)
