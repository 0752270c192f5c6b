"""`make chaos`, or `python -m bench.chaos [--short] [--write FILE] [SCENARIO …]`.

A scenario is named by any part of its name. `--write` puts the table into a page, between two marks.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.chaos.outcome import HEAD
from bench.chaos.runner import run
from bench.chaos.scenarios import SCENARIOS
from bench.machine import processor
from bench.processes import StartError

BEGINS, ENDS = "<!-- table begins -->", "<!-- table ends -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/chaos.md")
    args = parser.parse_args()
    missed = False
    rows = []
    for scenario in SCENARIOS:
        if args.scenarios and not any(part in scenario.name for part in args.scenarios):
            continue
        with tempfile.TemporaryDirectory(prefix="lockgate-chaos-") as folder:
            try:
                outcome = asyncio.run(run(scenario, Path(folder), short=args.short))
            except StartError as error:
                print(f"{scenario.name}: {error}", flush=True)
                rows.append((scenario.name, scenario.did, *["-"] * 5, "did not come up"))
                missed = True
                continue
        print(outcome.line(), flush=True)
        rows.append((*outcome.cells(), "; ".join(outcome.problems()) or "pass"))
        missed = missed or bool(outcome.problems())
    if args.write is not None:
        machine = f"On {processor()} with {os.cpu_count()} cores, {time_of(args.short)}."
        write(args.write, machine, (*HEAD, "bar"), rows)
    return 1 if missed else 0


def write(page: Path, said: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put the table between the marks of the page, in place of the one before."""
    before, _, rest = page.read_text("utf-8").partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    page.write_text(f"{before}{BEGINS}\n{said}\n\n{table}\n{ENDS}{after}", "utf-8")


def time_of(short: bool) -> str:
    return "in the short form" if short else "with the default settings"


if __name__ == "__main__":
    sys.exit(main())
