"""`lockgate restart`: restarts the stack, or some of its processes."""

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
    """Run `down`, then `up`; or restart the named processes one after another.

    NAME is a process of `lockgate ps`, or a service, which means all of its instances. Its requests go
    on, and it takes the settings that the environment has now.
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
