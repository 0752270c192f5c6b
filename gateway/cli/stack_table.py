"""The table of a stack's processes, for `lockgate up` and `ps`."""

from collections.abc import Sequence
from dataclasses import asdict

from gateway.cli.output import health_cell, print_document, print_lines, print_rows
from gateway.stack.plan import REGISTRY
from gateway.stack.running.places import places
from gateway.stack.running.ps import ProcessRow
from gateway.stack.state import StackRecord

#: Below addresses that a configuration file may have moved or closed; 80 columns wide at most.
_BY_FILE = (
    "With its configuration file the gateway may have other routes, and ask who",
    "calls: `lockgate routes` shows them.",
)


def print_json(rows: Sequence[ProcessRow]) -> None:
    print_document([asdict(row) for row in rows])


def print_table(rows: Sequence[ProcessRow], record: StackRecord, *, title: str) -> None:
    """Print the processes, and below them the addresses, each whole, so that it can be copied."""
    print_rows(
        ("name", "port", "pid", "uptime", "health"),
        [
            (
                row.name,
                _or_dash(row.port),
                _or_dash(row.pid),
                "-" if row.uptime_s is None else _duration(row.uptime_s),
                health_cell(row.health),
            )
            for row in rows
        ],
        title=title,
        to_the_right=("port", "pid"),
    )
    found = [
        (place.what.removesuffix("_service"), place.where) for place in places(record.processes)
    ]
    print_lines("")
    print_rows(("what", "where"), [(REGISTRY, record.registry_about), *found], folded=False)
    if len(found) > 1 and any(one.environment.get("GATEWAY_CONFIG") for one in record.processes):
        print_lines("", *_BY_FILE)


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
