"""`make bench`, or `python -m bench [--quick] [--python PATH] [--workloads NAME,…] [SECTION …]`."""

import argparse
import os
import sys
from pathlib import Path

from bench import (
    autobahn,
    bodies,
    events,
    first_routed,
    hop,
    idle,
    limiter,
    machine,
    mirrored,
    propagation,
    reloads,
    request_cases,
    route_tables,
    routes,
    scale,
    scrapes,
    shared_probes,
    splits,
    trees,
    tunnels,
    validation,
)
from bench.auth import section as auth
from bench.cache import conformance as cache
from bench.cache import hits as cache_hits
from bench.cache import shared as cache_shared
from bench.cache.memory import section as cache_memory
from bench.carries import bounds, experiments, worked
from bench.carries import section as carries
from bench.carries.system import System
from bench.fuzz import section as fuzz
from bench.listening import section as listening
from bench.policies import section as policies
from bench.processes import StartError
from bench.profile import section as profile
from bench.profile import steps
from bench.report import Report
from bench.stage import staged
from bench.tls import section as tls
from bench.workers import section as workers
from bench.workloads import WORKLOADS, Workload

SECTIONS = {
    "hop": hop.run,
    "events": events.run,
    "bodies": bodies.run,
    "tunnels": tunnels.run,
    "idle": idle.run,
    "autobahn": autobahn.run,
    "autobahn-whole": autobahn.run_whole,
    "autobahn-beside": autobahn.run_beside,
    "requests": request_cases.run,
    "fuzz": fuzz.run,
    "profile": profile.run,
    "steps": steps.run,
    "propagation": propagation.run,
    "first-routed": first_routed.run,
    "scale": scale.run,
    "shared-probes": shared_probes.run,
    "carries": carries.run,
    "carries-returning": experiments.run_returning,
    "carries-beyond": experiments.run_beyond,
    "routes": routes.run,
    "reloads": reloads.run,
    "route-tables": route_tables.run,
    "trees": trees.run,
    "limiter": limiter.run,
    "tls": tls.run,
    "auth": auth.run,
    "cache": cache.run,
    "cache-hits": cache_hits.run,
    "cache-memory": cache_memory.run,
    "cache-shared": cache_shared.run,
    "policies": policies.run,
    "scrapes": scrapes.run,
    "splits": splits.run,
    "validation": validation.run,
    "mirror": mirrored.run,
    "listening": listening.run,
    "workers": workers.run,
    "hop-workers": workers.run_hop,
}
#: Slow sections, which run only when named.
ONLY_BY_NAME = {
    "autobahn-whole",
    "autobahn-beside",
    "fuzz",
    "profile",
    "steps",
    "propagation",
    "first-routed",
    "scale",
    "carries",
    "carries-returning",
    "carries-beyond",
    "routes",
    "reloads",
    "route-tables",
    "trees",
    "limiter",
    "tls",
    "auth",
    "cache",
    "cache-hits",
    "cache-memory",
    "cache-shared",
    "scrapes",
    "splits",
    "mirror",
    "policies",
    "validation",
    "listening",
    "workers",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="short rounds, and few of them")
    parser.add_argument(
        "--python", default=sys.executable, help="run the gateway by another interpreter"
    )
    parser.add_argument(
        "--tree",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a checkout for the section trees, the oldest first; give it for each",
    )
    parser.add_argument(
        "--workloads",
        type=_workloads,
        default=tuple(WORKLOADS.values()),
        metavar="NAME,…",
        help="what the sections hop, profile, steps and trees send, all by default: "
        + ", ".join(WORKLOADS),
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="the page of the section profile, docs/profile.md; the costs of the section carries, "
        "bench/carries/measured.json",
    )
    parser.add_argument(
        "--model",
        nargs="*",
        type=_system,
        metavar="SYSTEM",
        help="measure nothing; print what the model of the section carries says of these systems, each a "
        f"name ({', '.join(bounds.WORKED)}), or numbers such as instances=500,gateways=3, or both",
    )
    args = parser.parse_args()
    if unknown := set(args.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if "trees" in args.sections and len(args.tree) < 2:
        parser.error("trees compares checkouts: give --tree FOLDER at least twice")
    python = Path(args.python).absolute()  # not resolved: a venv is known by its link
    report = Report()
    if args.model is not None:
        carries.run_model(report, tuple(args.model))
        return 0
    try:
        with staged(
            report,
            quick=args.quick,
            python=str(python),
            trees=[t.resolve() for t in args.tree],
            workloads=args.workloads,
            page=args.write,
        ) as stage:
            machine.describe(report, str(python), stage.peers)
            os.sched_setaffinity(0, {stage.load_core})
            for name, run in SECTIONS.items():
                if name in (args.sections or SECTIONS.keys() - ONLY_BY_NAME):
                    run(stage)
    except StartError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    report.summary()
    return 0


def _system(text: str) -> System:
    """Parse a system for the model."""
    try:
        return worked.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _workloads(names: str) -> list[Workload]:
    """Parse names with commas between them; the order is that of the tables."""
    chosen = set(names.split(","))
    if unknown := chosen - WORKLOADS.keys():
        raise argparse.ArgumentTypeError(f"no such workload: {', '.join(sorted(unknown))}")
    return [workload for workload in WORKLOADS.values() if workload.name in chosen]


if __name__ == "__main__":
    sys.exit(main())
