"""What may follow one registry: followers at a replica, a registry for each cell, limits split by key.

Each is an experiment with real servers and the product's own commands. The product follows no replica and
splits no limits; it has a registry for each cell as soon as each cell has its own REDIS_URL.
"""

import binascii
import itertools
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.carries.changes import Followers
from bench.carries.frames import CLIENTS, Frames, instance
from bench.carries.server import Server, Used
from bench.carries.wire import Talker, polled, talkers
from discovery.store import scripts

REPLICATES_WITHIN_S = 10.0
SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Followed:
    """What a change took of each server, in µs, and when the last follower had it, in ms."""

    primary_us: float
    replica_us: float
    replicated_bytes: float
    last_ms: Sequence[float]


def follow(primary: Server, read_at: Server, followers: int, changes: int) -> Followed:
    """Register instances one after another, while so many follow at one of the two servers."""
    namespace = f"follow{followers}"
    frames = Frames(primary, namespace)
    own = Frames(read_at, namespace)
    with ExitStack() as stack:
        (writer,) = stack.enter_context(talkers(primary.port, 1))
        those = stack.enter_context(talkers(read_at.port, followers))
        made = [frames.of(scripts.register(instance(number))) for number in range(changes)]
        writer.ask(made[0])
        until_replicated(primary, read_at)
        last = own.last_event(read_at)
        crew = Followers(own, those, stack.enter_context(polled(those)), last)
        before = _used(primary, read_at)
        sent = _replicated(primary)
        took_ms = []
        for frame in made:
            begun_s = time.perf_counter()
            answer = writer.ask(frame)
            crew.catch_up(int(answer[2]))
            took_ms.append((time.perf_counter() - begun_s) * 1000)
        of_primary, of_replica = (
            now - then for now, then in zip(_used(primary, read_at), before, strict=True)
        )
        return Followed(
            of_primary.cpu_us / changes,
            of_replica.cpu_us / changes if read_at is not primary else 0.0,
            (_replicated(primary) - sent) / changes,
            took_ms,
        )


def _used(*servers: Server) -> list[Used]:
    return [one.used() for one in servers]


def _replicated(server: Server) -> int:
    return int(server.client.info("stats").get("total_net_repl_output_bytes", 0))


def until_replicated(primary: Server, replica: Server) -> None:
    """Wait until the replica has what the primary has now. Raises TimeoutError."""
    if primary is replica:
        return
    until_s = time.monotonic() + REPLICATES_WITHIN_S
    while True:
        said, has = primary.client.info("replication"), replica.client.info("replication")
        linked = has.get("master_link_status") == "up"
        if linked and has["slave_repl_offset"] >= said["master_repl_offset"]:
            return
        if time.monotonic() > until_s:
            raise TimeoutError("the replica does not follow the primary")
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Cells:
    """CPU in µs of the busiest registry, for a second of the same system, and the changes that each had."""

    busiest_us: float
    all_us: float


def cells(servers: Sequence[Server], followers: int, changes: int, asks: int, batch: int) -> Cells:
    """The same followers, changes and decisions, spread evenly over the registries of cells."""
    used = []
    for number, server in enumerate(servers):
        frames = Frames(server, f"cell{number}of{len(servers)}")
        own = followers // len(servers)
        with ExitStack() as stack:
            writer, *those = stack.enter_context(talkers(server.port, 1 + own))
            writer.ask(frames.of(scripts.register(instance(0))))
            poll = stack.enter_context(polled(those))
            crew = Followers(frames, those, poll, frames.last_event(server))
            next_call = frames.limits_of(batch)
            before = server.used()
            for number_of_change in range(changes // len(servers)):
                answer = writer.ask(frames.of(scripts.register(instance(number_of_change))))
                crew.catch_up(int(answer[2]))
            for _ in range(asks // batch // len(servers)):
                writer.ask(next_call())
            used.append((server.used() - before).cpu_us)
    return Cells(max(used), sum(used))


def shard_of(client: str, shards: int) -> int:
    """As a cluster would do it: the key's slot by CRC-16, and a range of slots for each server."""
    slot = binascii.crc_hqx(client.encode(), 0) % SLOTS
    return slot * shards // SLOTS


@dataclass(frozen=True, slots=True)
class Split:
    """What a decision took of the busiest server and of all, in µs, and how uneven they were."""

    busiest_us: float
    all_us: float
    calls: float


def split(servers: Sequence[Server], batch: int, batches: int) -> Split:
    """Decisions of one worker, whose asks go to the servers by the client's key, all calls at once."""
    chosen = random.Random(2)
    shards = len(servers)
    frames = [Frames(server, f"split{shards}") for server in servers]
    prepared: list[list[tuple[int, bytes]]] = []
    for _ in range(min(batches, 200)):
        asks: dict[int, list[str]] = {}
        for number in chosen.sample(range(CLIENTS), batch):
            client = f"client-{number}"
            asks.setdefault(shard_of(client, shards), []).append(client)
        prepared.append([(shard, frames[shard].limits(own)) for shard, own in asks.items()])
    in_turn = itertools.cycle(prepared)
    with ExitStack() as stack:
        those = [stack.enter_context(talkers(server.port, 1))[0] for server in servers]
        for _ in range(20):
            _ask_all(those, next(in_turn))
        before = _used(*servers)
        calls = 0
        for _ in range(batches):
            calls += _ask_all(those, next(in_turn))
        used = [(now - then).cpu_us for now, then in zip(_used(*servers), before, strict=True)]
    decisions = batch * batches
    return Split(max(used) / decisions, sum(used) / decisions, calls / decisions)


def _ask_all(those: Sequence[Talker], calls: Sequence[tuple[int, bytes]]) -> int:
    for shard, frame in calls:
        those[shard].send(frame)
    for shard, _ in calls:
        those[shard].wait()
    return len(calls)
