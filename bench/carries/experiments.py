"""Prints what a whole system takes beside what the model says, all workers' return, and what may follow."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

import structlog

from bench.carries import beyond, mixed, sizes
from bench.carries.costs import Costs, load
from bench.carries.frames import Frames
from bench.carries.model import PACKET_BYTES
from bench.carries.model import load as load_of
from bench.carries.returning import NAMESPACE, Returned, all_return, reading
from bench.carries.server import Server, served
from bench.carries.system import System
from bench.report import quantile, with_range
from bench.stage import Stage
from discovery.view.returning import spread_s

RETURNING_WORKERS = (16, 64, 200, 400)
RETURNING_INSTANCES = 10_000
FOLLOWERS = (16, 64, 200)


def run_mixed(stage: Stage, server: Server, costs: Costs) -> None:
    """Whole systems with the product's own clients beside the model."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rounds, for_s = (1, 2.0) if stage.quick else (3, 6.0)
    ran: dict[str, list[mixed.Ran]] = {}
    for _ in range(rounds):
        for system in mixed.SYSTEMS:
            stage.report.progress(f"{system.name} …")
            ran.setdefault(system.name, []).append(asyncio.run(mixed.run(server, system, for_s)))
    stage.report.progress("")
    stage.report.title(
        f"Whole systems with the product's own clients, {rounds} rounds of {for_s:g} s"
    )
    stage.report.table(
        ("system", "CPU %", "model", "off by", "in Mbit/s", "model", "out Mbit/s", "model"),
        [(name, *_beside_model(of_name, costs)) for name, of_name in ran.items()],
    )
    off = [_off(one, costs) for of_name in ran.values() for one in of_name]
    stage.report.say(f"In all rounds it is off by {min(off):+.0%} to {max(off):+.0%}.")


def _beside_model(ran: Sequence[mixed.Ran], costs: Costs) -> tuple[str, ...]:
    said = [load_of(one.system, costs) for one in ran]
    calls = [sum(share.calls_s for share in one.shares) * PACKET_BYTES for one in said]
    return (
        with_range([one.used.cpu_us / one.took_s / 1e4 for one in ran], 1),
        with_range([one.cpu * 100 for one in said], 1),
        with_range([_off(one, costs) * 100 for one in ran], 0) + " %",
        f"{median(one.used.bytes_in / one.took_s * 8 / 1e6 for one in ran):.2f}",
        # The registry does not count what the kernel adds.
        f"{median(o.in_mbit_s - c * 8 / 1e6 for o, c in zip(said, calls, strict=True)):.2f}",
        f"{median(one.used.bytes_out / one.took_s * 8 / 1e6 for one in ran):.2f}",
        f"{median(o.out_mbit_s - c * 8 / 1e6 for o, c in zip(said, calls, strict=True)):.2f}",
    )


def _off(one: mixed.Ran, costs: Costs) -> float:
    return load_of(one.system, costs).cpu / (one.used.cpu_us / one.took_s / 1e6) - 1


def run_returning(stage: Stage) -> None:
    """All workers read everything at the same moment."""
    costs = load()
    rows = []
    for workers in RETURNING_WORKERS[:2] if stage.quick else RETURNING_WORKERS:
        system = System(instances=RETURNING_INSTANCES, workers=workers, link_mbit_s=1e6)
        model_s = load_of(system, costs).all_again_s
        for over_s in (0.0, spread_s(workers, RETURNING_INSTANCES)):
            stage.report.progress(f"{workers} workers over {over_s:g} s …")
            # A server of its own: one that is overrun goes on for minutes with what nobody waits for.
            with served(stage.proxy_core, stage.folder) as server:
                sizes.register(server, Frames(server, NAMESPACE), RETURNING_INSTANCES)
                one = asyncio.run(all_return(server, reading(server), workers, over_s))
                peak_mib = server.client.info("memory")["used_memory_peak"] / 2**20
            took = _returned(one)
            rows.append((f"{workers}", f"{over_s:.1f}", f"{model_s:.1f}", *took, f"{peak_mib:.0f}"))
    stage.report.progress("")
    stage.report.title(f"All workers read {RETURNING_INSTANCES:,} instances again")
    head = ("spread over, s", "the work by the model, s", "half have a view, s", "all, s")
    lost = ("reads given up", "heartbeats lost meanwhile", "most memory, MiB")
    stage.report.table(("workers", *head, *lost), rows)


def _returned(one: Returned) -> tuple[str, ...]:
    return (
        *("never" if took_s is None else f"{took_s:.1f}" for took_s in (one.half_s, one.all_s)),
        f"{one.given_up}",
        f"{one.lost} of {one.heartbeats}",
    )


def run_beyond(stage: Stage) -> None:
    """Experiments with what may follow one registry; the product does not do all of it."""
    with ExitStack() as stack:
        primary = stack.enter_context(served(stage.proxy_core, stage.folder))
        options = ("--replicaof", f"127.0.0.1 {primary.port}", "--repl-diskless-load", "swapdb")
        replica = stack.enter_context(served(stage.load_core, stage.folder, *options))
        beyond.until_replicated(primary, replica)
        _replicas(stage, primary, replica)
    with ExitStack() as stack:
        servers = [stack.enter_context(served(stage.proxy_core, stage.folder)) for _ in range(3)]
        _cells(stage, servers)
        _splits(stage, servers)


def _replicas(stage: Stage, primary: Server, replica: Server) -> None:
    rounds, changes = (1, 20) if stage.quick else (5, 60)
    ran: dict[tuple[int, bool], list[beyond.Followed]] = {}
    for _ in range(rounds):
        for followers in FOLLOWERS:
            for at_replica in (False, True):
                read_at = replica if at_replica else primary
                one = beyond.follow(primary, read_at, followers, changes)
                ran.setdefault((followers, at_replica), []).append(one)
    stage.report.title("A change, followed at the primary or at a replica (an experiment)")
    stage.report.table(
        (
            "followers",
            "at",
            "primary, CPU µs",
            "replica, CPU µs",
            "replicated bytes",
            "last has it, p50 ms",
            "p99 ms",
        ),
        [
            (
                f"{followers}",
                "the replica" if at_replica else "the primary",
                with_range([one.primary_us for one in of_case], 0),
                with_range([one.replica_us for one in of_case], 0),
                f"{median(one.replicated_bytes for one in of_case):.0f}",
                with_range([quantile(one.last_ms, 0.5) for one in of_case]),
                with_range([quantile(one.last_ms, 0.99) for one in of_case]),
            )
            for (followers, at_replica), of_case in ran.items()
        ],
    )


def _cells(stage: Stage, servers: Sequence[Server]) -> None:
    rounds = 1 if stage.quick else 5
    ran: dict[int, list[beyond.Cells]] = {}
    for _ in range(rounds):
        for count in (1, 2, 3):
            one = beyond.cells(servers[:count], followers=96, changes=60, asks=6_000, batch=4)
            ran.setdefault(count, []).append(one)
    stage.report.title("A registry for each cell: 96 followers, 60 changes, 6,000 decisions in all")
    alone = median(one.busiest_us for one in ran[1])
    stage.report.table(
        ("registries", "busiest, CPU ms", "all, CPU ms", "carries"),
        [
            (
                f"{count}",
                with_range([one.busiest_us / 1000 for one in of_case], 1),
                with_range([one.all_us / 1000 for one in of_case], 1),
                f"{alone / median(one.busiest_us for one in of_case):.2f} times as much",
            )
            for count, of_case in ran.items()
        ],
    )


def _splits(stage: Stage, servers: Sequence[Server]) -> None:
    rounds, asks = (1, 2_000) if stage.quick else (5, 20_000)
    ran: dict[tuple[int, int], list[beyond.Split]] = {}
    for _ in range(rounds):
        for batch in (1, 8, 64):
            for count in (1, 2, 3):
                one = beyond.split(servers[:count], batch, max(20, asks // batch))
                ran.setdefault((batch, count), []).append(one)
    stage.report.title("Limits split by the client's key over several servers (an experiment)")
    alone = {batch: median(one.busiest_us for one in ran[batch, 1]) for batch, _ in ran}
    stage.report.table(
        (
            "asks of a worker at once",
            "servers",
            "busiest, CPU µs a decision",
            "all",
            "calls a decision",
            "carries",
        ),
        [
            (
                *(f"{batch}", f"{count}"),
                with_range([one.busiest_us for one in of_case], 1),
                with_range([one.all_us for one in of_case], 1),
                f"{median(one.calls for one in of_case):.2f}",
                f"{alone[batch] / median(one.busiest_us for one in of_case):.2f} times as much",
            )
            for (batch, count), of_case in ran.items()
        ],
    )
