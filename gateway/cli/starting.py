"""The work of `lockgate up` and `restart`: starts the stack, with progress and a table."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from gateway.cli import options
from gateway.cli.commands.down import stop
from gateway.cli.output import print_progress
from gateway.cli.stack_table import print_json, print_table
from gateway.machine.ports import is_free
from gateway.stack.changes.code import code_of
from gateway.stack.changes.selection import Selection, chosen_processes
from gateway.stack.changes.variables import settings_for
from gateway.stack.failures import StackError
from gateway.stack.plan import REGISTRY_PORT, ProcessSpec, plan_processes, stand_in_for
from gateway.stack.running.absence import nothing_runs
from gateway.stack.running.serving import require_not_served
from gateway.stack.state import is_checkout
from gateway.stack.supervisord.supervision import Supervisor
from gateway.stack.up import StartUp
from middlewares.programs.stop_signals import stops_raised

NOTHING = Selection()


def start(
    port_offset: str,
    selection: Selection,
    *,
    as_json: bool,
    title: str,
    only: frozenset[str] = frozenset(),
) -> None:
    """Bring the stack to what is asked for, and show it; raises StackError if that fails."""
    began = time.monotonic()
    offset, state = options.stack_at(port_offset)

    def plan(
        running: Sequence[ProcessSpec] | None, environ: Mapping[str, str]
    ) -> list[ProcessSpec]:
        return plan_processes(
            running or (),
            environ,
            python=sys.executable,
            offset=offset,
            counts=selection.counts(running),
            settings_for=settings_for,
            code_of=code_of,
            is_free=is_free,
        )

    start_up = StartUp(
        state=state,
        root=options.root(),
        make_plan=plan,
        make_stand_in=partial(stand_in_for, offset=offset, is_free=is_free),
        registry_port=REGISTRY_PORT + offset,
        environ=os.environ,
        report=print_progress,
        only=only,
    )
    with stops_raised():
        rows, record = start_up.run()
    if as_json:
        print_json(rows)
    else:
        title = f"{title} ({time.monotonic() - began:.1f} s)"
        print_table(rows, record, title=title)


def restart_all(port_offset: str, selection: Selection, *, as_json: bool) -> None:
    """Run `down` and `up`; without other words, with the services and instances that ran.

    StackError: nothing ran, and this is not a checkout, which has the example services.
    """
    running = _running(port_offset)
    kept = selection if running is None else selection.over(running)
    if not stop(port_offset) and not is_checkout(options.root()):
        raise StackError(nothing_runs(options.stack_at(port_offset)[1], Path.cwd()))
    start(port_offset, kept, as_json=as_json, title="Lockgate is up")


def restart_some(port_offset: str, names: Sequence[str], *, as_json: bool) -> None:
    """Restart these; StackError: nothing runs. UsageError: no such process or service."""
    running = _running(port_offset)
    if running is None:
        require_not_served(options.stack_at(port_offset)[1])
        _, state = options.stack_at(port_offset)
        raise StackError(nothing_runs(state, Path.cwd()))
    only = chosen_processes(running, names)
    start(port_offset, NOTHING, as_json=as_json, title="Lockgate", only=only)


def _running(port_offset: str) -> Sequence[ProcessSpec] | None:
    _, state = options.stack_at(port_offset)
    record = state.load_record() if Supervisor(state).answers() else None
    return None if record is None else record.processes
