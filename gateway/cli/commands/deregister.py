"""`lockgate deregister`: takes an instance out of the registry."""

from typing import Any

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate deregister orders orders-1")
@options.instances
@options.all_of_them
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def deregister(words: tuple[str, ...], **where: Any) -> None:
    """Take an instance out of the registry, at once.

    SERVICE is the service's name, or its name in the route. INSTANCE alone is enough where no other
    service has an instance with that ID; `lockgate services` shows them.

    A program that still sends heartbeats registers again, so use this for what was left behind. In
    other cases stop the program, which deregisters it, or `lockgate drain` it.
    """
    from gateway.cli.changing import change_instances
    from gateway.cli.gateway_client import GatewayClient

    def deregister_one(gateway: GatewayClient, path: str) -> dict[str, Any]:
        gateway.change("DELETE", path)
        return {"deregistered": True}

    change_instances(words, deregister_one, title="Deregistered", **where)
