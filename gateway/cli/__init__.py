"""The command line `lockgate`, and that of `python -m gateway`, which is one of its commands."""

import os
import sys
from typing import NoReturn

import click

from middlewares.standard_streams import open_standard_streams

INTERRUPTED = 130


def main() -> NoReturn:
    """Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."""
    open_standard_streams()
    from gateway.cli.application import lockgate

    _end_with(lockgate, "lockgate")


def run_gateway(called_as: str) -> NoReturn:
    open_standard_streams()
    from gateway.cli.commands.gateway import gateway

    _end_with(gateway, called_as)


def _end_with(command: click.Command, called_as: str) -> NoReturn:
    from gateway.cli.application import run

    try:
        status = run(command, called_as)
    except KeyboardInterrupt:
        sys.stdout.flush()
        os._exit(INTERRUPTED)  # threads may still wait for answers
    sys.exit(status)
