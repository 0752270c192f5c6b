"""The memory of answers: whom it serves beside other policies, what it costs and what it takes."""

import json
import subprocess

from bench.processes import THIS_TREE, pinned
from bench.report import Bar
from bench.stage import Stage

from . import costs, over_gateway, ratios
from .ratios import MIB

BOUND_MIB = 64
RESIDENT = Bar("64 MiB of answers, resident", 1.1, " times the bound")
GROWTH = Bar("64 MiB of answers, resident at the end against the first minute's end", 1.02)


def run(stage: Stage) -> None:
    """Whom it serves first, at last some minutes of one load, without a gateway and with one."""
    ratios.run(stage.report, 300_000 if stage.quick else 1_000_000)
    costs.run(stage.report, 3 if stage.quick else 9)
    _flat(stage, 30 if stage.quick else 600)
    over_gateway.run(stage, 30 if stage.quick else 600)


def _flat(stage: Stage, lasts_s: int) -> None:
    report = stage.report
    report.title(f"{lasts_s} s of a load that never fits into {BOUND_MIB} MiB")
    command = [stage.python, "-m", "bench.cache.memory.flat", str(lasts_s), str(BOUND_MIB)]
    said = subprocess.run(
        pinned(stage.proxy_core, command),
        cwd=THIS_TREE["PYTHONPATH"],
        capture_output=True,
        check=True,
        timeout=lasts_s + 120,
    ).stdout
    measured = json.loads(said)
    seconds = measured["seconds"]
    shown = [seconds[int(len(seconds) * part)] for part in (0.1, 0.25, 0.5, 0.75)] + seconds[-1:]
    report.table(
        ("after", "resident, MiB", "as the store counts, MiB", "answers"),
        [
            (f"{at_s:.0f} s", f"{rss / MIB:.1f}", f"{counted / MIB:.1f}", f"{entries:,}")
            for at_s, rss, counted, entries in shown
        ],
    )
    report.say(
        f"{measured['requests']:,} requests, a fifth of them a crawler's; "
        f"{100 * measured['hit_ratio']:.1f} % of the others were hits; {measured['evicted']:,} answers left."
    )
    report.bar(RESIDENT, max(rss for _, rss, _, _ in seconds) / measured["size"])
    if not stage.quick:  # the first minute is not over
        report.bar(GROWTH, seconds[-1][1] / shown[0][1])
