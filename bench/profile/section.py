"""Prints the profile of each workload, and writes it to a page: `--write docs/profile.md`."""

import os

from bench.machine import processor, python_of
from bench.pages import table, write
from bench.profile import floor, profiling, steps
from bench.profile.tables import Measured, Table, tables
from bench.stage import Stage


def run(stage: Stage) -> None:
    measured = []
    load_1, _, _ = os.getloadavg()
    counted = steps.measure(stage)
    for profile in profiling.measure(stage):
        lowest = floor.measure(stage, profile.workload, profile.cpu_us - profile.kernel_us)
        measured.append(Measured(profile, lowest, counted[profile.workload.name]))
    stage.report.progress("")
    made = tables(measured)
    for one in made:
        stage.report.title(one.title)
        stage.report.table(one.head, one.rows)
    if stage.page is not None:
        machine = (
            f"On {processor()} with {os.cpu_count()} cores, whose load was {load_1:.1f} before, with "
            f"{python_of(stage.python)}."
        )
        write(stage.page, "\n\n".join((machine, *map(_on_page, made))))


def _on_page(one: Table) -> str:
    return f"### {one.title}\n\n{table(one.head, one.rows)}"
