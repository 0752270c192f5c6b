"""`lockgate services`: shows what is registered."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate services --url http://gateway.example:8080")
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def services(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show what is registered, with each instance's state. Exit status 1: no gateway answers."""
    from gateway.cli.gateway_client import find_gateway
    from gateway.cli.output import print_document, print_error
    from gateway.cli.registry_tables import print_services
    from gateway.cli.unwell import SHOWN_TO_ANYBODY, told_as_the_public

    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    document = gateway.get("/services")
    if told_as_the_public(gateway, document["services"]):
        print_error(f"{gateway.url} {SHOWN_TO_ANYBODY}")
    if as_json:
        print_document(document)
    else:
        print_services(gateway, document)
