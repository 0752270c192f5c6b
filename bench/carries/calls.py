"""The trials of calls that workers and services make: limits, heartbeats, sweeps."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from bench.carries.frames import LEASE_S, POLICIES, Frames
from bench.carries.server import Server
from bench.carries.trials import Measured, Trial, measured, take_turns
from bench.carries.wire import drive, talkers
from discovery.model.instance import Instance
from discovery.store import scripts

#: (asks in a call, connections with a call in flight, limits, held out)
LIMITS = (
    (1, 1, 1, False),
    (1, 64, 1, False),
    (4, 16, 1, False),
    (16, 1, 1, False),
    (64, 16, 1, False),
    (500, 4, 1, False),
    (8, 8, 2, False),
    (64, 16, 2, False),
    (1, 8, 1, True),
    (8, 32, 1, True),
    (128, 8, 1, True),
    (32, 16, 2, True),
)
#: (heartbeats in a call, connections, held out)
HEARTBEATS = (
    (1, 1, False),
    (1, 64, False),
    (10, 8, False),
    (100, 1, False),
    (1000, 4, False),
    (1, 16, True),
    (30, 8, True),
)
#: (gateways, workers of each, held out)
SWEEPERS = ((1, 1, False), (2, 2, False), (10, 4, False), (50, 8, False), (20, 8, True))
REMOVE_AFTER_S = 60.0


@contextmanager
def _calls(
    server: Server, connections: int, next_frame: Callable[[], bytes]
) -> Iterator[Callable[[int], None]]:
    with talkers(server.port, connections) as those:
        yield partial(drive, those, next_frame)


def of_limits(server: Server, rounds: int, calls: int) -> Measured:
    """Calls of the limiter; `calls` is the number of those with one ask."""
    frames = Frames(server)
    with ExitStack() as stack:
        trials = [
            Trial(
                {"call": 1, "ask": asks, "more limit": asks * (limits - 1)},
                stack.enter_context(
                    _calls(server, connections, frames.limits_of(asks, POLICIES[:limits]))
                ),
                max(20, round(calls / (1 + asks / 4))),
                held_out,
            )
            for asks, connections, limits, held_out in LIMITS
        ]
        take_turns(server, trials, rounds)
    return measured(trials)


def of_heartbeats(
    server: Server, instances: Sequence[Instance], rounds: int, calls: int
) -> Measured:
    """Renewals of the leases of instances that are registered and healthy."""
    frames = Frames(server)
    with ExitStack() as stack:
        trials = [
            Trial(
                {"call": 1, "heartbeat": at_once},
                stack.enter_context(
                    _calls(server, connections, frames.heartbeats_of(at_once, instances))
                ),
                max(20, round(calls / (1 + at_once / 4))),
                held_out,
            )
            for at_once, connections, held_out in HEARTBEATS
        ]
        take_turns(server, trials, rounds)
    return measured(trials)


def of_sweeps(server: Server, rounds: int, calls: int) -> Measured:
    """Sweeps with nothing to take out, which also renew the leases of a gateway and a worker."""
    with talkers(server.port, 8) as those:
        trials = [
            Trial(
                {"call": 1, "worker": gateways * workers},
                partial(drive, those, _sweeps(server, gateways, workers)),
                calls,
                held_out,
            )
            for gateways, workers, held_out in SWEEPERS
        ]
        take_turns(server, trials, rounds)
    return measured(trials, wakes=False)


def _sweeps(server: Server, gateways: int, workers: int) -> Callable[[], bytes]:
    frames = Frames(server, f"sweeps{gateways}x{workers}")
    return itertools.cycle(
        [
            frames.of(
                scripts.sweep(
                    f"gateway-{gateway}",
                    LEASE_S,
                    REMOVE_AFTER_S,
                    worker=f"gateway-{gateway}.{worker}",
                    worker_lease_s=LEASE_S,
                    url=f"http://10.0.0.{gateway}:8000",
                )
            )
            for gateway in range(gateways)
            for worker in range(workers)
        ]
    ).__next__


def of_rest(server: Server, rounds: int, calls: int) -> Measured:
    """A second of a worker that follows while nothing happens: a read that ends, and a look."""
    frames = Frames(server)
    read = frames.read("$", block_ms=10)
    with talkers(server.port, 64) as those:
        make = partial(drive, those, itertools.cycle([read, frames.same()]).__next__)
        trial = Trial({"second": 0.5}, make, calls)
        take_turns(server, [trial], rounds)
    return measured([trial], wakes=False)
