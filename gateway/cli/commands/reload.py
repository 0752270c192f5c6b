"""`lockgate reload`: puts a changed configuration file in force."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command

EXIT_STATUSES = (
    "Exit statuses: 0 the file is in force; 1 it has mistakes, or the gateway could not be asked."
)


@command(example="lockgate reload", exit_statuses=EXIT_STATUSES)
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of lines.")
def reload(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> int:
    """Let the gateway read its configuration file again, and print what is different.

    If the file has mistakes, they are printed, and the configuration before stays in force. The gateway
    also reads it when it has changed: what is in force by then is not different any more.
    """
    from gateway.cli.gateway_client import Refused, find_gateway
    from gateway.cli.output import print_document, print_lines, print_progress

    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    try:
        answer = gateway.change("POST", "/config/reload", within_s=options.FILE_WITHIN_S)
    except Refused as refused:
        mistakes = refused.mistakes
        if as_json:
            print_document({"result": "rejected", "differences": [], "mistakes": mistakes})
        else:
            for mistake in mistakes:
                print_progress(mistake)
        return FAILURE
    if as_json:
        print_document(answer | {"mistakes": []})
    else:
        print_lines(*(answer["differences"] or [_unchanged(answer)]))
    return 0


def _unchanged(answer: Mapping[str, Any]) -> str:
    """The gateway may have seen the change before it was asked."""
    return f"nothing is different: this configuration is in force since {answer['in_force_since']}"
