"""`lockgate ps`: shows what runs of the stack."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate ps --json")
@options.port_offset
@options.data_dir
@options.as_json
def ps(port_offset: str, data_dir: Path | None, as_json: bool) -> None:
    """Show what runs, with pid, port, uptime and health."""
    from gateway.cli.output import print_progress
    from gateway.cli.stack_table import print_json, print_table
    from gateway.machine.processes import marked_pids
    from gateway.stack.running.absence import nothing_runs, typed
    from gateway.stack.running.ps import running

    _, state = options.stack_found(port_offset, data_dir)
    rows, record = running(state), state.load_record()
    if as_json:
        print_json(rows)
    elif record is None or not rows:
        orphans = sorted(marked_pids(state.marker))
        print_progress(
            f"processes {orphans} run without their supervisor; {typed('down', state)} ends them"
            if orphans
            else nothing_runs(state, Path.cwd(), takes_data_dir=True)
        )
    else:
        print_table(rows, record, title="Lockgate")
