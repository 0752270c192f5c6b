"""`python -m services NAME`: one of the services in the foreground."""

import sys

from discovery.errors import SettingsError
from middlewares.standard_streams import open_standard_streams
from services.base.runner import ListenError, run
from services.catalogue import MODULES, find

USAGE_ERROR = 2


def main(arguments: list[str]) -> int:
    """The exit status; what is wrong is said in one line on standard error."""
    open_standard_streams()
    service = find(arguments[0]) if len(arguments) == 1 else None
    if service is None:
        known = ", ".join(sorted(MODULES))
        return _refuse(f"usage: python -m services NAME; NAME is one of {known}", USAGE_ERROR)
    try:
        run(service)
    except SettingsError as error:
        return _refuse(str(error), USAGE_ERROR)
    except ListenError as error:
        return _refuse(f"{service.name} {error}", 1)
    return 0


def _refuse(line: str, status: int) -> int:
    sys.stderr.write(f"{line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
