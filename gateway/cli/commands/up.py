"""`lockgate up`: starts the stack of a checkout."""

from gateway.cli import options
from gateway.cli.application import command


@command()
@options.port_offset
@options.scale
@options.as_json
def up(port_offset: str, scale: str, as_json: bool) -> None:
    """Start registry, services and gateway, and wait until they answer."""
    start(port_offset, scale, as_json)


def start(port_offset: str, scale: str, as_json: bool) -> None:
    import os
    import sys
    import time
    from functools import partial

    from gateway.cli.output import print_progress
    from gateway.cli.stack_table import print_json, print_table
    from gateway.stack.plan import REGISTRY_PORT, parse_scale, plan_processes
    from gateway.stack.ports import is_free
    from gateway.stack.up import StartUp

    began = time.monotonic()
    offset, state = options.stack_at(port_offset)
    rows, record = StartUp(
        state=state,
        root=options.root(),
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
