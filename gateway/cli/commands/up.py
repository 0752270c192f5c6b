"""`lockgate up`: starts the stack, or what is missing of it."""

from gateway.cli import options
from gateway.cli.application import command


@command(example='lockgate up --port-offset 20000 --scale "price_service=3"')
@options.port_offset
@options.scale
@options.services
@options.as_json
def up(port_offset: str, scale: str, services: str, as_json: bool) -> None:
    """Start registry, services and gateway, and wait until they answer.

    On a stack that runs: restart what has other settings or other code than asked for. What SCALE and
    SERVICES do not name stays unchanged.
    """
    from gateway.cli.starting import start
    from gateway.stack.changes.selection import parse_selection

    start(port_offset, parse_selection(scale, services), as_json=as_json, title="Lockgate is up")
