"""`lockgate restart`: stops the stack of a checkout and starts it again."""

from gateway.cli import options
from gateway.cli.application import command
from gateway.cli.commands.down import stop
from gateway.cli.commands.up import start


@command()
@options.port_offset
@options.scale
@options.as_json
def restart(port_offset: str, scale: str, as_json: bool) -> None:
    """`down`, then `up`."""
    from gateway.stack.plan import parse_scale

    parse_scale(scale)  # before anything is stopped
    stop(port_offset)
    start(port_offset, scale, as_json)
