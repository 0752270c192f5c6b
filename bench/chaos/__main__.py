"""`make chaos`, or `python -m bench.chaos [--short] [--alone] [--write FILE] [SCENARIO …]`.

Any part of its name selects a scenario. `--write` puts the tables into a page, between two marks.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.chaos import remembered
from bench.chaos.judging_peers import judging
from bench.chaos.outcome import HEAD, Outcome
from bench.chaos.peers import Peer, installed
from bench.chaos.remembered import Remembered, Seen
from bench.chaos.rolls import __main__ as rolls
from bench.chaos.runner import run
from bench.chaos.scenarios import SCENARIOS, Scenario
from bench.machine import processor
from bench.pages import Row, table, write
from bench.processes import StartError

LOCKGATE = "Lockgate"
DID_NOT_COME_UP = "did not come up"
NO_CONCERN = "-"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument(
        "--alone", action="store_true", help="without the peers, and without those without a cache"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/chaos.md")
    args = parser.parse_args()
    peers = [] if args.alone else [*installed(), *judging()]
    judges = set() if args.alone else {name for _, name in judging()}
    missed = False
    rows: list[Row] = []
    beside: list[Row] = []
    for scenario in SCENARIOS:
        if args.scenarios and not any(part in scenario.name for part in args.scenarios):
            continue
        outcome = attempt(scenario, short=args.short)
        if outcome is None:
            rows.append((scenario.name, scenario.did, *["-"] * 5, DID_NOT_COME_UP))
        else:
            print(outcome.line(), flush=True)
            rows.append((*outcome.cells(), "; ".join(outcome.problems()) or "pass"))
        missed = missed or outcome is None or bool(outcome.problems())
        lost = [
            lost_by(scenario, make(), short=args.short)
            if scenario.shape.judges or name not in judges
            else NO_CONCERN
            for make, name in peers
        ]
        beside.append((scenario.name, outcome.lost() if outcome else DID_NOT_COME_UP, *lost))
    if args.write is not None and rows:
        machine = machine_in_words(args.short)
        tables = [table((*HEAD, "bar"), rows)]
        if peers:
            tables.append("Requests lost, beside others in the same run:")
            tables.append(table(("scenario", LOCKGATE, *(name for _, name in peers)), beside))
        write(args.write, "\n\n".join((machine, *tables)))
    missed = remember(args) or missed
    machine = machine_in_words(args.short)
    missed = (
        rolls.attempt_all(args.scenarios, short=args.short, page=args.write, machine=machine)
        or missed
    )
    return 1 if missed else 0


def remember(args: argparse.Namespace) -> bool:
    """Run the scenarios with a cache, and each without one beside it; True if a bar is missed."""
    rows: list[Row] = []
    missed = False
    for scenario in remembered.SCENARIOS:
        if args.scenarios and not any(part in scenario.name for part in args.scenarios):
            continue
        seen = read_through(scenario, short=args.short)
        if seen is not None:
            rows.append((*seen.cells(), "; ".join(seen.problems()) or "pass"))
        missed = missed or seen is None or bool(seen.problems())
        if not args.alone:
            without = replace(scenario, cache=remembered.NOTHING)
            seen = read_through(without, short=args.short)
            if seen is not None:
                rows.append((*seen.cells(), NO_CONCERN))
    if args.write is not None and rows:
        told = table((*remembered.HEAD, "bar"), rows)
        write(args.write, f"{machine_in_words(args.short)}\n\n{told}", "remembered")
    return missed


def read_through(scenario: Remembered, *, short: bool) -> Seen | None:
    """Run a scenario; None, with a message, if something did not start."""
    with tempfile.TemporaryDirectory(prefix="lockgate-chaos-") as folder:
        try:
            seen = asyncio.run(remembered.run(scenario, Path(folder), short=short))
        except StartError as error:
            print(f"{scenario.name}: {error}", flush=True)
            return None
    verdict = NO_CONCERN if scenario.cache == remembered.NOTHING else "pass"
    problems = [] if scenario.cache == remembered.NOTHING else seen.problems()
    print(f"{seen.line()}: {'; '.join(problems) or verdict}", flush=True)
    return seen


def attempt(scenario: Scenario, *, short: bool, peer: Peer | None = None) -> Outcome | None:
    """Run a scenario; None, with a message, if something did not start."""
    with tempfile.TemporaryDirectory(prefix="lockgate-chaos-") as folder:
        try:
            return asyncio.run(run(scenario, Path(folder), short=short, peer=peer))
        except StartError as error:
            print(f"{scenario.name}: {error}", flush=True)
            return None


def lost_by(scenario: Scenario, peer: Peer, *, short: bool) -> str:
    """A peer's cell; registry faults don't concern a peer that does not use it."""
    if scenario.breaks_registry and not peer.on_registry:
        return NO_CONCERN
    outcome = attempt(scenario, short=short, peer=peer)
    lost = DID_NOT_COME_UP if outcome is None else outcome.lost()
    print(f"{scenario.name}, {peer.name} in its place: lost {lost}", flush=True)
    return lost


def machine_in_words(short: bool) -> str:
    return f"On {processor()} with {os.cpu_count()} cores, {time_of(short)}."


def time_of(short: bool) -> str:
    return "in the short form" if short else "with the default settings"


if __name__ == "__main__":
    sys.exit(main())
