"""The command line `lockgate`, and `python -m gateway`, which is one of its commands."""

import sys
from typing import NoReturn

from middlewares.programs.standard_streams import open_standard_streams


def main() -> NoReturn:
    """Run the command; exit statuses: 0 done, 1 could not be done, 2 asked for something wrong."""
    open_standard_streams()
    from gateway.cli.application import lockgate, run

    sys.exit(run(lockgate, "lockgate"))


def run_gateway(called_as: str) -> NoReturn:
    open_standard_streams()
    from gateway.cli.application import run
    from gateway.cli.commands.gateway import gateway

    sys.exit(run(gateway, called_as))
