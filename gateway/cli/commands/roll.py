"""`lockgate roll`: replaces the workers of a gateway one by one."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command

EXIT_STATUSES = (
    "Exit statuses: 0 all workers are replaced; 1 they are not, or the gateway could not be asked."
)


@command(example="lockgate roll", exit_statuses=EXIT_STATUSES)
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of lines.")
def roll(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> int:
    """Replace the workers of the gateway one by one, with the program's code of now, and wait.

    An old worker stops once a new one has answered a request, so no client notices. If a new one does not
    get ready, the old ones stay, and the reason is printed. ^C ends the waiting, not the roll.
    """
    from gateway.cli.gateway_client import find_gateway
    from gateway.cli.output import print_document, print_error, print_lines
    from gateway.cli.rolling import rolled

    offset, state = options.stack_found(port_offset, data_dir)
    end = rolled(find_gateway(state, offset, url, token))
    done = end["state"] == "done"
    if as_json:
        print_document(end)
    elif done:
        count = end["replaced"]
        print_lines(f"{count} worker{'s' * (count != 1)} replaced")
    else:
        print_error(f"{end['reason']}; the workers that are not replaced stay in service")
    return 0 if done else FAILURE
