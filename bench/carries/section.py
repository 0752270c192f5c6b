"""How far one registry carries: measures what each kind of call costs, and checks the model."""

from collections.abc import Mapping
from functools import partial

from bench.carries import calls, changes, curve, sizes, worked
from bench.carries.bounds import WORKED
from bench.carries.costs import Costs, load, of_measured, save
from bench.carries.experiments import run_mixed
from bench.carries.frames import Frames
from bench.carries.model import load as load_of
from bench.carries.server import Server, served
from bench.carries.system import System
from bench.carries.trials import Measured
from bench.machine import processor
from bench.report import Report, with_range
from bench.stage import Stage

#: (workers, decisions a second that they ask for)
RATES = (
    (16, 5_000),
    (16, 20_000),
    (16, 40_000),
    (64, 20_000),
    (64, 40_000),
    (64, 60_000),
    (400, 20_000),
    (400, 60_000),
)
INSTANCES = 1_000


def run(stage: Stage) -> None:
    """Measure, print, and with a page given, write the costs to it for the model."""
    with served(stage.proxy_core, stage.folder) as server:
        about = f"{server.version}, {processor()}"
        stage.report.title(f"What a call costs one registry ({about})")
        families = _families(stage, server)
        for name, one in families.items():
            _show(stage.report, name, one)
        with served(stage.proxy_core, stage.folder) as fresh:
            memory = sizes.memory(fresh)
        stage.report.say("Memory: " + ", ".join(f"{k} {v:,.0f} bytes" for k, v in memory.items()))
        way_us = _way_us(server)
        costs = of_measured(families, memory, way_us, about)
        _rates(stage, server, costs)
        run_mixed(stage, server, costs)
    if stage.page is not None:
        save(costs, stage.page)
    stage.report.title("The model, by these costs")
    worked.show(stage.report, costs, tuple(WORKED.values()))


def run_model(report: Report, systems: tuple[System, ...]) -> None:
    """Print what the model says, by the costs of `measured.json`; nothing is measured."""
    worked.show(report, load(), systems or tuple(WORKED.values()))


def _families(stage: Stage, server: Server) -> dict[str, Measured]:
    rounds = 1 if stage.quick else 7
    families = {}
    for name, measure in (
        ("limits", partial(calls.of_limits, server, rounds, 3_000)),
        ("heartbeats", partial(_heartbeats, server, rounds)),
        ("sweeps", partial(calls.of_sweeps, server, rounds, 500)),
        ("idle", partial(calls.of_rest, server, rounds, 4_000)),
        ("changes", partial(changes.of_changes, server, rounds, 60)),
        ("snapshots", partial(sizes.of_snapshots, server, rounds, 10_000)),
    ):
        stage.report.progress(f"{name} …")
        server.client.flushall(asynchronous=False)
        families[name] = measure()
    stage.report.progress("")
    server.client.flushall(asynchronous=False)
    return families


def _heartbeats(server: Server, rounds: int) -> Measured:
    instances = sizes.register(server, Frames(server), INSTANCES)
    return calls.of_heartbeats(server, instances, rounds, 3_000)


def _show(report: Report, name: str, one: Measured) -> None:
    """What each part costs, and the points with their ranges and what the fit says of them."""
    report.title(f"{name}: fitted")
    parts = sorted({*one.cpu_us.each, *one.bytes_in.each, *one.bytes_out.each})
    report.table(
        ("each", "CPU µs", "bytes in", "bytes out"),
        [
            (part, *(_each(fit.each, part) for fit in (one.cpu_us, one.bytes_in, one.bytes_out)))
            for part in parts
        ],
    )
    report.table(
        ("parts of a call", "CPU µs measured", "fitted", "misses by", ""),
        [
            (
                ", ".join(f"{amount:.3g} {part}" for part, amount in point.parts.items() if amount),
                with_range(point.costs, 1),
                f"{one.cpu_us.cost(point.parts):.1f}",
                f"{one.cpu_us.cost(point.parts) / point.cost - 1:+.0%}",
                "held out" if point.held_out else "",
            )
            for point in one.points
        ],
    )
    report.say(
        f"Misses at most {one.cpu_us.worst:.0%} of the points that it was fitted to, "
        f"{one.cpu_us.worst_held_out:.0%} of those held out."
    )


def _each(each: Mapping[str, float], part: str) -> str:
    return f"{each[part]:,.1f}" if part in each else ""


def _way_us(server: Server) -> float:
    """The time of a call that does nothing."""
    server.client.ping()
    rate = curve.at_rate(server, curve.Calls(Frames(server)), 500, 4, 1.0)
    return rate.p50_ms * 1000


def _rates(stage: Stage, server: Server, costs: Costs) -> None:
    stage.report.title("Decisions of limits at a rate, one call in flight for each worker")
    made = curve.Calls(Frames(server))
    rows = []
    for workers, offered_s in RATES:
        server.client.flushall(asynchronous=False)
        one = curve.at_rate(server, made, offered_s, workers, 0.8 if stage.quick else 4.0)
        said = load_of(
            System(
                requests_s=offered_s,
                instances=1,
                heartbeat_s=1e6,
                restarts_s=0,
                gateways=1,
                workers=workers,
                network_ms=costs.way_us / 1000,
            ),
            costs,
        )
        rows.append(
            (
                *(f"{workers}", f"{offered_s:,}", f"{one.decided_s:,.0f}"),
                *(f"{one.cpu_share:.0%}", f"{said.cpu:.0%}", f"{one.kept_away:.0%}"),
                *(f"{one.batch:.1f}", f"{said.batch:.1f}"),
                *(f"{one.mean_ms:.1f}", f"{said.decision_ms:.1f}"),
                *(f"{one.p99_ms:.1f}", f"{said.call_p99_ms:.1f}"),
            )
        )
    stage.report.table(
        (
            *("workers", "offered/s", "decided/s", "CPU", "model", "kept from its core"),
            *(
                "asks of a call",
                "model",
                "mean ms",
                "model",
                "p99 ms",
                "a call by the model, at most",
            ),
        ),
        rows,
    )
