"""`lockgate routes`: shows where requests go."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command

if TYPE_CHECKING:
    from gateway.cli.gateway_client import GatewayClient

#: A gateway without a file answers these to GET /routes; the second one is older, or on its public port.
_WITHOUT_FILE = ("no_configuration", "route_not_found")


@command(example="lockgate routes --json")
@click.option(
    "--file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="A configuration file that is not in force; no gateway is asked. -: standard input.",
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def routes(
    file: str | None,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Show which path goes to which service. Exit status 1: no gateway answers, or FILE has mistakes.

    With a configuration file: its routes in the order in which they are tried, each with every policy and
    where it comes from, then the discovered ones. This needs the admin token.

    --file shows the same of another file, with the gateway's variables as they are set here.
    """
    if file is not None:
        return _of_file(file, as_json)
    from gateway.cli.gateway_client import Refused, find_gateway
    from gateway.cli.output import print_document
    from gateway.cli.registry_tables import print_routes
    from gateway.cli.route_tables import print_configured

    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    try:
        document = gateway.get("/routes")
    except Refused as refused:
        if refused.problem.get("reason") not in _WITHOUT_FILE:
            raise
        found = _discovered(gateway)
        if as_json:
            print_document(found)
        else:
            print_routes(found)
        return 0
    if as_json:
        print_document(document)
    else:
        print_configured(document)
    return 0


def _discovered(gateway: "GatewayClient") -> list[dict[str, Any]]:
    """The routes of a gateway without a file."""
    return [
        {
            "route": service["route"],
            "service": service["name"],
            "healthy": service["healthy"],
            "total": service["total"],
        }
        for service in gateway.get("/services")["services"]
    ]


def _of_file(file: str, as_json: bool) -> int:
    from gateway.cli.configuration_files import described, named
    from gateway.cli.output import print_document, print_progress
    from gateway.cli.route_tables import print_configured
    from gateway.config.file.loading import read_file

    read = read_file(file)
    if read.configuration is None:
        for mistake in read.errors:
            print_progress(mistake.line(named(file)))
        return FAILURE
    document = {"file": named(file), **described(read.configuration, read.contents)}
    if as_json:
        print_document(document)
    else:
        print_configured(document)
    return 0
