"""`lockgate routes`: shows where requests go."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate routes --json")
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def routes(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show which path goes to which service. Exit status 1: no gateway answers."""
    from gateway.cli.gateway_client import find_gateway
    from gateway.cli.output import print_document
    from gateway.cli.registry_tables import print_routes

    offset, state = options.stack_found(port_offset, data_dir)
    found = [
        {
            "route": service["route"],
            "service": service["name"],
            "healthy": service["healthy"],
            "total": service["total"],
        }
        for service in find_gateway(state, offset, url, token).get("/services")["services"]
    ]
    if as_json:
        print_document(found)
    else:
        print_routes(found)
