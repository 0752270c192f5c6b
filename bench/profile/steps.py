"""The bytecodes that each part of the gateway takes for a request: exact, so that a small change is seen."""

import json
import os
import subprocess

from bench.processes import THIS_TREE, StartError, pinned
from bench.profile.rooms import Room, by_room
from bench.report import Report
from bench.stage import Stage
from bench.workloads import Workload

_WITHIN_S = 120
_SHOWN = 5

#: By workload's name: the parts with their bytecodes.
Steps = dict[str, dict[str, Room]]


def run(stage: Stage) -> None:
    counted = measure(stage)
    for workload in stage.workloads:
        show(stage.report, workload, counted[workload.name])


def measure(stage: Stage) -> Steps:
    """Count in a process of the interpreter that is measured. Raises StartError."""
    names = [workload.name for workload in stage.workloads]
    command = [stage.python, "-m", "bench.profile.counting", str(stage.registry.port), *names]
    stage.report.progress("bytecodes")
    ran = subprocess.run(
        pinned(stage.proxy_core, command),
        capture_output=True,
        text=True,
        env={**os.environ, **THIS_TREE},
        timeout=_WITHIN_S,
        check=False,
    )
    stage.report.progress("")
    if ran.returncode:
        raise StartError(ran.stderr.strip()[-600:])
    return {name: by_room(stacks) for name, stacks in json.loads(ran.stdout).items()}


def show(report: Report, workload: Workload, rooms: dict[str, Room]) -> None:
    report.title(f"Bytecodes a request: {workload.title}")
    rows = [
        (name, f"{room.total:.0f}", room.most(_SHOWN, digits=0)) for name, room in rooms.items()
    ]
    whole = sum(room.total for room in rooms.values())
    report.table(("part", "bytecodes", "most of them in"), [*rows, ("all", f"{whole:.0f}", "")])
