"""`lockgate up`, `down`, `restart`, `ps` and `logs`: the stack of a checkout."""

import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Annotated

import typer

from gateway.cli.application import EXIT_STATUSES
from gateway.cli.options import AsJson, PortOffset, root, stack_at
from gateway.cli.output import log_line_for_people, print_json, print_progress, print_table
from gateway.stack.down import down as stop_stack
from gateway.stack.log_filter import LogFilter
from gateway.stack.logs import as_json_line, print_logs
from gateway.stack.plan import REGISTRY_PORT, parse_scale, plan_processes
from gateway.stack.ports import is_free
from gateway.stack.processes import marked_pids
from gateway.stack.ps import running
from gateway.stack.up import StartUp

Scale = Annotated[
    str,
    typer.Option(
        envvar="SCALE", metavar="SERVICE=N", help='Instances of a service: "price_service=3".'
    ),
]


def add_to(app: typer.Typer) -> None:
    for command in (up, down, restart, ps, logs):
        app.command(epilog=EXIT_STATUSES)(command)


def up(port_offset: PortOffset = "0", scale: Scale = "", as_json: AsJson = False) -> None:
    """Start registry, services and gateway in the background, and wait until they answer."""
    began = time.monotonic()
    offset, state = stack_at(port_offset)
    rows, record = StartUp(
        state=state,
        root=root(),
        make_plan=partial(
            plan_processes,
            python=sys.executable,
            offset=offset,
            scale=parse_scale(scale),
            environ=os.environ,
            is_free=is_free,
        ),
        registry_port=REGISTRY_PORT + offset,
        environ=os.environ,
        report=print_progress,
    ).run()
    if as_json:
        print_json(rows)
    else:
        title = f"Lockgate is up ({time.monotonic() - began:.1f} s)"
        print_table(rows, title=title, registry_about=record.registry_about)


def down(port_offset: PortOffset = "0") -> None:
    """Stop everything that `up` started, and nothing else."""
    _, state = stack_at(port_offset)
    stop_stack(state, print_progress)


def restart(port_offset: PortOffset = "0", scale: Scale = "", as_json: AsJson = False) -> None:
    """`down`, then `up`."""
    parse_scale(scale)  # before anything is stopped
    down(port_offset)
    up(port_offset, scale, as_json)


def ps(port_offset: PortOffset = "0", as_json: AsJson = False) -> None:
    """Show what runs, with pid, port, uptime and health."""
    offset, state = stack_at(port_offset)
    rows, record = running(state), state.load_record()
    if as_json:
        print_json(rows)
    elif record is None or not rows:
        orphans = sorted(marked_pids(state.marker))
        print_progress(
            f"processes {orphans} run without their supervisor; `make down` ends them"
            if orphans
            else f"nothing runs at port offset {offset}"
        )
    else:
        print_table(rows, title="Lockgate", registry_about=record.registry_about)


def logs(
    port_offset: PortOffset = "0",
    follow: Annotated[bool, typer.Option(help="Go on with what is logged from now on.")] = True,
    tail: Annotated[int, typer.Option(min=0, help="Last lines of each log to begin with.")] = 20,
    service: Annotated[str | None, typer.Option(help="Only this service's lines.")] = None,
    level: Annotated[str | None, typer.Option(help="Only lines of this level and above.")] = None,
    correlation_id: Annotated[str | None, typer.Option(help="Only this request's lines.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines on a terminal too, where people get colours.")
    ] = False,
) -> None:
    """Show the logs of all processes as one stream, one JSON object a line."""
    wanted = LogFilter(service, level, correlation_id)
    for_people = sys.stdout.isatty() and not as_json
    _, state = stack_at(port_offset)
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        print_logs(
            state,
            sys.stdout,
            tail=tail,
            follow=follow,
            wanted=wanted,
            render=log_line_for_people if for_people else as_json_line,
        )
    # A closed pipe must not raise once more when Python flushes at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
