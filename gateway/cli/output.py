"""How commands print: progress, tables, JSON and errors."""

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, TextIO

from gateway.cli.tables import Coloured, table_lines
from middlewares.telemetry.printable import printable

_LEVEL_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}
_HEALTH_COLOURS = {"healthy": "green", "starting": "yellow"}
#: The width for a file or a pipe, where no column is folded.
_UNLIMITED = 10_000


def print_progress(text: str) -> None:
    """Print to standard error, so that standard output has only the table or the JSON.

    It never fails if nobody reads it any more: a half-started stack would be left behind.
    """
    _print_to(sys.stderr, printable(text, keep="\t\n"), given_up_at=OSError)


def print_error(text: str, log_lines: Sequence[str] = ()) -> None:
    for line in log_lines:
        print_progress(f"  | {line}")
    shown = Coloured(printable(f"lockgate: {text}", keep="\t\n"), "red")
    text = shown.painted() if _takes_colours(sys.stderr) else shown.text
    _print_to(sys.stderr, text, given_up_at=OSError)


def print_lines(*lines: str) -> None:
    _print_to(sys.stdout, *lines)


def print_document(document: Any) -> None:
    print_lines(json.dumps(document, indent=2))


def print_rows(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Coloured]],
    *,
    title: str = "",
    to_the_right: Collection[str] = (),
    folded: bool = True,
    below: str | None = None,
    left_out: Sequence[str] = (),
) -> None:
    """Print a table, as in `table_lines`; `folded` fits it to the terminal, if there is one."""
    folded = folded and sys.stdout.isatty()
    lines = table_lines(
        headings,
        rows,
        width=shutil.get_terminal_size().columns if folded else _UNLIMITED,
        colours=_takes_colours(sys.stdout),
        to_the_right=to_the_right,
        below=below,
        left_out=left_out,
    )
    print_lines(*([title, ""] if title else []), *lines)


def print_below(lines: Iterable[str]) -> None:
    """Print sentences below a table, after an empty line; nothing if there are none."""
    for index, line in enumerate(lines):
        print_lines(*([] if index else [""]), printable(line))


def _print_to(stream: TextIO, *lines: str, given_up_at: type[OSError] = BrokenPipeError) -> None:
    """Print; after an error of this type, by default a pipe that its reader has closed, print nothing more."""
    try:
        print(*lines, sep="\n", file=stream, flush=True)
    except given_up_at:
        # The rest of the buffer must not fail again when Python flushes at exit: the status was 120.
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def health_cell(health: str) -> Coloured:
    """A state in its colour."""
    return Coloured(health, _HEALTH_COLOURS.get(health, "red"))


def log_line_for_people(record: dict[str, Any]) -> str:
    """A log record as one line, in the colour of its level (ANSI)."""
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
    plain = os.environ.get("NO_COLOR") or not sys.stdout.isatty()
    return text if plain else f"\x1b[{colour}m{text}\x1b[0m"


def _takes_colours(stream: TextIO) -> bool:
    is_dumb = os.environ.get("TERM") == "dumb"
    return stream.isatty() and not is_dumb and not os.environ.get("NO_COLOR")
