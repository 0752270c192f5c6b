"""Snapshots of many instances, and the memory of what the registry keeps."""

import itertools
from contextlib import ExitStack
from functools import partial

from bench.carries.frames import Frames, instance
from bench.carries.server import Server
from bench.carries.trials import Measured, Trial, measured, take_turns
from bench.carries.wire import drive, talkers
from discovery.model.instance import Instance
from discovery.store import scripts
from middlewares.limits.deciding import Policy

#: (instances, how many of them a service has, held out)
SIZES = (
    (100, 10, False),
    (1_000, 10, False),
    (10_000, 10, False),
    (3_000, 10, True),
    (3_000, 1, True),
    (3_000, 1_000, True),
)
VERDICTS_PER_CALL = 200
INSTANCES = 20_000
CLIENTS = 10_000
ASKS_PER_CALL = 500
CONNECTIONS = 100
#: A window that does not end in a measurement.
LONG = (Policy("long", 500, 3_600_000_000),)


def register(server: Server, frames: Frames, count: int, of_a_service: int = 10) -> list[Instance]:
    """Register so many instances, which a gateway finds healthy."""
    instances = [instance(number, of_a_service) for number in range(count)]
    with talkers(server.port, 1) as (one,):
        for each in instances:
            one.ask(frames.of(scripts.register(each)))
        for begin in range(0, count, VERDICTS_PER_CALL):
            said = [
                (each.key, "healthy", "") for each in instances[begin : begin + VERDICTS_PER_CALL]
            ]
            one.ask(frames.of(scripts.report("gateway-0", 3600, said)))
    return instances


def of_snapshots(server: Server, rounds: int, calls: int) -> Measured:
    """Reading everything, as each new follower does; nobody else is answered meanwhile."""
    with ExitStack() as stack:
        trials = []
        for size, of_a_service, held_out in SIZES:
            frames = Frames(server, f"sizes{size}of{of_a_service}")
            register(server, frames, size, of_a_service)
            frame = frames.of(scripts.snapshot())
            those = stack.enter_context(talkers(server.port, 1))
            make = partial(drive, those, itertools.repeat(frame).__next__)
            trials.append(
                Trial({"call": 1, "instance": size}, make, max(3, calls // size), held_out)
            )
        take_turns(server, trials, rounds)
    return measured(trials, wakes=False)


def memory(server: Server) -> dict[str, float]:
    """Bytes for each of what the registry keeps; it is emptied before."""
    frames = Frames(server, "memory")
    server.client.flushall(asynchronous=False)
    with talkers(server.port, 1) as (one,):
        asks = [server.memory()]
        for _ in range(2):
            for begin in range(0, CLIENTS, ASKS_PER_CALL):
                names = [
                    f"198.51.{number // 250}.{number % 250}"
                    for number in range(begin, begin + ASKS_PER_CALL)
                ]
                one.ask(frames.limits(names, LONG))
            asks.append(server.memory())
    empty = asks[-1]
    register(server, frames, INSTANCES)
    full = server.memory()
    # By now the stream has as many entries as it keeps.
    server.client.delete(frames.events_key)
    without_events = server.memory()
    with talkers(server.port, CONNECTIONS) as those:
        for one in those:
            one.send(frames.read("0-0"))
        server.client.ping()
        connected = server.memory()
    return {
        "instance": (without_events - empty) / INSTANCES,
        "events": full - without_events,
        "follower": (connected - without_events) / CONNECTIONS,
        "client": (asks[1] - asks[0]) / CLIENTS,
        "further ask": (asks[2] - asks[1]) / CLIENTS,
    }
