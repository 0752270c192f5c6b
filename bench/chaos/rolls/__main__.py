"""`python -m bench.chaos.rolls [--short] [--write FILE] [SCENARIO …]`: only these scenarios."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.chaos.rolls.outcome import HEAD
from bench.chaos.rolls.runner import run
from bench.chaos.rolls.scenarios import SCENARIOS
from bench.pages import Row, table, write
from bench.processes import StartError

MARK = "rolls"


def attempt_all(parts: Sequence[str], *, short: bool, page: Path | None, machine: str) -> bool:
    """Run those whose names have one of these parts, or all; True if a bar is missed."""
    rows: list[Row] = []
    missed = False
    for scenario in SCENARIOS:
        if parts and not any(part in scenario.name for part in parts):
            continue
        with tempfile.TemporaryDirectory(prefix="lockgate-chaos-") as folder:
            try:
                rolled = asyncio.run(run(scenario, Path(folder), short=short))
            except StartError as error:
                print(f"{scenario.name}: {error}", flush=True)
                missed = True
                continue
        print(rolled.line(), flush=True)
        rows.append((*rolled.cells(), "; ".join(rolled.problems()) or "pass"))
        missed = missed or bool(rolled.problems())
    if page is not None and rows:
        write(page, f"{machine}\n\n{table((*HEAD, 'bar'), rows)}", MARK)
    return missed


def main() -> int:
    from bench.chaos.__main__ import machine_in_words

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/chaos.md")
    args = parser.parse_args()
    machine = machine_in_words(args.short)
    return int(attempt_all(args.scenarios, short=args.short, page=args.write, machine=machine))


if __name__ == "__main__":
    sys.exit(main())
