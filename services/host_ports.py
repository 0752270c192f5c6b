"""Publishes services at ports of the host, however many containers each of them has.

`python -m services.host_ports 8000:market_data_service 8002:price_service` listens at 8000 and 8002 and
passes each connection on to the same port of that name. Docker can give a host port to one container
alone, so a service that published its own port could not be scaled.
"""

import sys
from collections.abc import Sequence

from lockgate.stopping import end_at_once_when_stopped

FAILURE = 1
USAGE_ERROR = 2
CALLED_AS = "python -m services.host_ports"


def targets_of(arguments: Sequence[str]) -> list[tuple[int, str]]:
    """`PORT:NAME` each, as port and name; ValueError for anything else."""
    if not arguments:
        raise ValueError(f"usage: {CALLED_AS} PORT:NAME…, as in 8002:price_service")
    targets = []
    for argument in arguments:
        port, _, name = argument.partition(":")
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535 and name):
            raise ValueError(f"{argument!r}: must be PORT:NAME, as in 8002:price_service")
        targets.append((int(port), name))
    return targets


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit status; an error is one line on standard error."""
    end_at_once_when_stopped()
    from discovery.model.errors import SettingsError
    from middlewares.programs.missing_extra import tell_missing_extra

    try:
        targets = targets_of(arguments)
        from services.base.runner import ListenError
        from services.forwarding import run
    except ValueError as error:
        return _refuse(str(error), USAGE_ERROR)
    except ModuleNotFoundError as error:
        tell_missing_extra(CALLED_AS, error)
        return FAILURE
    try:
        run(targets)
    except SettingsError as error:
        return _refuse(str(error), USAGE_ERROR)
    except ListenError as error:
        return _refuse(str(error), FAILURE)
    return 0


def _refuse(line: str, status: int) -> int:
    sys.stderr.write(f"host_ports: {line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
