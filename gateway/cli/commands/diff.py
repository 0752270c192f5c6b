"""`lockgate diff`: says what another configuration file would change."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command

EXIT_STATUSES = (
    "Exit statuses: 0 compared, whatever is different; 1 the file has mistakes, or the gateway could not "
    "be asked."
)


@command(example="lockgate diff lockgate.yaml", exit_statuses=EXIT_STATUSES)
@click.argument("file", type=click.Path(allow_dash=True))
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of lines.")
def diff(
    file: str,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Say what would change if FILE were in force.

    FILE: - is standard input. First come the differences from the file in force, then the last requests
    that would go elsewhere, be refused or be admitted. The gateway keeps their paths and the names of
    their headers and of the members of their query, and no values: `perhaps` stands where a value would
    decide.
    """
    import sys
    from urllib.parse import quote

    from gateway.cli.gateway_client import Refused, find_gateway
    from gateway.cli.output import print_document, print_progress
    from gateway.cli.route_tables import print_compared

    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    path = f"/config/diff?file={quote('<stdin>' if file == '-' else file)}"
    try:
        answer = gateway.change("POST", path, within_s=options.FILE_WITHIN_S, body=content)
    except Refused as refused:
        for mistake in refused.mistakes:
            print_progress(mistake)
        return FAILURE
    if as_json:
        print_document(answer)
    else:
        print_compared(answer)
    return 0
