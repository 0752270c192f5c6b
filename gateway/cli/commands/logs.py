"""`lockgate logs`: the logs of the stack of a checkout."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import command
from gateway.cli.numbers import Number


@command(
    example="lockgate logs --no-follow --tail 100 --service price --level warning",
    exit_statuses=(
        "Exit statuses: 0 done; 1 there are no logs, or with --no-follow no line has the correlation "
        "ID; 2 there is no such service or level."
    ),
)
@options.port_offset
@options.data_dir
@click.option("--follow/--no-follow", default=True, help="Keep printing new lines.")
@click.option(
    "--tail",
    metavar="N",
    type=Number(int, 0),
    default=20,
    help="Begin with the last N matching lines of all logs together, rotated files too.",
)
@click.option("--service", metavar="NAME", help="Only lines of this service, or process.")
@click.option("--level", metavar="LEVEL", help="Only lines of this level and above.")
@click.option("--correlation-id", metavar="ID", help="Only lines of this request.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="JSON lines on a terminal too, which shows colours otherwise.",
)
def logs(
    port_offset: str,
    data_dir: Path | None,
    follow: bool,
    tail: int,
    service: str | None,
    level: str | None,
    correlation_id: str | None,
    as_json: bool,
) -> None:
    """Show the logs of all processes as one stream of JSON objects.

    On a terminal they are coloured lines. ^C ends it.
    """
    import os
    import sys
    from contextlib import suppress

    from gateway.cli.output import log_line_for_people, print_progress
    from gateway.stack.logs.filter import LogFilter
    from gateway.stack.logs.stream import as_json_line, print_logs
    from middlewares.programs.stop_signals import Stopped, stops_raised

    wanted = LogFilter(service, level, correlation_id)
    for_people = sys.stdout.isatty() and not as_json
    _, state = options.stack_found(port_offset, data_dir)
    with suppress(Stopped), stops_raised():
        print_logs(
            state,
            sys.stdout,
            tail=tail,
            follow=follow,
            wanted=wanted,
            render=log_line_for_people if for_people else as_json_line,
            report=lambda text: print_progress(f"lockgate: {text}"),
        )
    # A closed pipe must not raise a second time when Python flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
