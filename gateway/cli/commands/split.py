"""`lockgate split`: shows and changes which share of clients gets which version."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command


@command(example="lockgate split orders 2=25")
@click.argument("route", metavar="[ROUTE]", required=False)
@click.argument("shares", metavar="[SHARE=WEIGHT]...", nargs=-1)
@click.option(
    "--wait",
    "wait_s",
    default=10.0,
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    show_default=True,
    help="How long to wait until all gateways have a change.",
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def split(
    route: str | None,
    shares: tuple[str, ...],
    wait_s: float,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Show the shares of all routes or of ROUTE, or change them, and wait until all gateways have them.

    SHARE is as the file has it, or its beginning, or without its operator: 2 is the share >=2. Shares that
    are not named share what is left, as before. Exit status 1: some gateways do not have it yet.
    """
    from gateway.cli import splits
    from gateway.cli.api_keys import gateway_with_token
    from gateway.cli.output import print_document

    gateway = gateway_with_token(port_offset, data_dir, url, token)
    found = splits.all_splits(gateway)
    if route is not None:
        found = [splits.named(found, route, gateway)]
    if route is None or not shares:
        if as_json:
            print_document(found if route is None else found[0])
        else:
            splits.print_splits(found)
        return 0
    made = splits.change(gateway, route, splits.told(shares, found[0]))
    made = splits.everywhere(gateway, made, wait_s)
    if as_json:
        print_document(made)
    else:
        splits.print_splits([made])
        splits.print_waited(made)
    return 0 if made["behind"] == [] else FAILURE
