"""`lockgate down`: stops the stack of a checkout."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate down --port-offset 20000")
@options.port_offset
def down(port_offset: str) -> None:
    """Stop everything that `up` started, and nothing else."""
    from gateway.cli.output import print_progress
    from gateway.stack.running.absence import nothing_runs

    if not stop(port_offset):
        print_progress(nothing_runs(options.stack_at(port_offset)[1], Path.cwd()))


def stop(port_offset: str) -> bool:
    """Stop the stack; False when there was nothing to stop."""
    from gateway.cli.output import print_progress
    from gateway.stack.down import down as stop_stack
    from middlewares.programs.stop_signals import stops_raised

    _, state = options.stack_at(port_offset)
    with stops_raised():
        return stop_stack(state, print_progress)
