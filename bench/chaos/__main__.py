"""`make chaos`, or `python -m bench.chaos [--short] [SCENARIO …]`: a scenario is named by part of its name."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.chaos.runner import run
from bench.chaos.scenarios import SCENARIOS
from bench.processes import StartError


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    args = parser.parse_args()
    missed = False
    for scenario in SCENARIOS:
        if args.scenarios and not any(part in scenario.name for part in args.scenarios):
            continue
        with tempfile.TemporaryDirectory(prefix="lockgate-chaos-") as folder:
            try:
                outcome = asyncio.run(run(scenario, Path(folder), short=args.short))
            except StartError as error:
                print(f"{scenario.name}: {error}", flush=True)
                missed = True
                continue
        print(outcome.line(), flush=True)
        missed = missed or bool(outcome.problems())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
