"""The command line `lockgate`, and that of `python -m gateway`, which is one of its commands."""

import sys
from typing import NoReturn

from middlewares.programs.standard_streams import open_standard_streams
from middlewares.programs.stop_signals import end_at_once_when_stopped


def main() -> NoReturn:
    """Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."""
    _begin()
    from gateway.cli.application import lockgate, run

    sys.exit(run(lockgate, "lockgate"))


def run_gateway(called_as: str) -> NoReturn:
    _begin()
    from gateway.cli.application import run
    from gateway.cli.commands.gateway import gateway

    sys.exit(run(gateway, called_as))


def _begin() -> None:
    open_standard_streams()
    end_at_once_when_stopped()
