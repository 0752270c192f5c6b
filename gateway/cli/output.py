"""How commands print: progress, tables, JSON and errors, with their exit statuses."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.stack.plan import GATEWAY, REGISTRY, route_of
from gateway.stack.ps import ProcessRow
from middlewares.printable import printable

FAILURE = 1
USAGE = 2

_LEVEL_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}
_HEALTH_STYLES = {"healthy": "green", "starting": "yellow"}


def print_progress(text: str) -> None:
    """On standard error, so that a table or JSON on standard output stands alone."""
    _plain(Console(stderr=True), text)


def print_error(text: str, log_lines: Sequence[str] = ()) -> None:
    console = Console(stderr=True)
    for line in log_lines:
        _plain(console, f"  | {line}")
    _plain(console, f"lockgate: {text}", style="red")


def print_json(rows: Sequence[ProcessRow]) -> None:
    print_document([asdict(row) for row in rows])


def print_document(document: Any) -> None:
    print(json.dumps(document, indent=2))


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], *, title: str) -> None:
    """A table of texts, of which nothing is cut off; rich markup in them counts."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    _console().print(table)


def health_style(health: str) -> str:
    """A state in its colour."""
    return f"[{_HEALTH_STYLES.get(health, 'red')}]{health}[/]"


def log_line_for_people(record: dict[str, Any]) -> str:
    """A log record on one line, in the colour of its level (ANSI)."""
    shown = {key: printable(str(value), keep="\t\n") for key, value in record.items()}
    level = shown.pop("level", "")
    columns = (
        _coloured(shown.pop("timestamp", ""), "2"),
        _coloured(f"{level:8}", _LEVEL_COLOURS.get(level, "0")),
        _coloured(shown.pop("service", ""), "36"),
        _coloured(shown.pop("event", ""), "1"),
    )
    return " ".join((*columns, *(f"{key}={value}" for key, value in shown.items())))


def _coloured(text: str, colour: str) -> str:
    return text if os.environ.get("NO_COLOR") else f"\x1b[{colour}m{text}\x1b[0m"


def print_table(rows: Sequence[ProcessRow], *, title: str, registry_about: str) -> None:
    gateway_port = next((row.port for row in rows if row.service == GATEWAY), None)
    table = Table(title=title, title_justify="left")
    for heading in ("name", "port", "pid", "uptime", "health", "where"):
        table.add_column(heading, justify="right" if heading in {"port", "pid"} else "left")
    for row in rows:
        if row.service == REGISTRY:
            where = registry_about
        elif row.service == GATEWAY:
            where = f"http://localhost:{row.port}"
        else:
            where = f"http://localhost:{gateway_port}{route_of(row.service)}/"
        table.add_row(
            row.name,
            _or_dash(row.port),
            _or_dash(row.pid),
            "-" if row.uptime_s is None else _duration(row.uptime_s),
            health_style(row.health),
            where,
        )
    _console().print(table)


def _console() -> Console:
    console = Console()
    if not console.is_terminal:  # into a file or a pipe: no column is cut off
        console.width = 200
    return console


def _plain(console: Console, text: str, style: str | None = None) -> None:
    """As it is: nothing in it is markup, and long lines are the terminal's to wrap."""
    console.print(
        printable(text, keep="\t\n"), style=style, markup=False, highlight=False, soft_wrap=True
    )


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
