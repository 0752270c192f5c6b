"""`lockgate restart`: stops the stack of a checkout and starts it again, or some of its processes."""

import click

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate restart price_service")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.port_offset
@options.scale
@options.services
@options.as_json
def restart(
    names: tuple[str, ...], port_offset: str, scale: str, services: str, as_json: bool
) -> None:
    """`down`, then `up`; or one after another the processes that are named.

    NAME is a process of `lockgate ps`, or a service, which is all of its instances: requests for it
    go on, and its settings are those of the environment now.
    """
    from gateway.cli.starting import restart_all, restart_some
    from gateway.stack.changes.selection import parse_selection
    from gateway.stack.failures import UsageError

    selection = parse_selection(scale, services)  # before anything is stopped
    if not names:
        restart_all(port_offset, selection, as_json=as_json)
    elif scale or services:
        raise UsageError("SCALE and SERVICES are for `up`, or for `restart` without names")
    else:
        restart_some(port_offset, names, as_json=as_json)
