"""The command line `lockgate`."""

import os
import sys

from middlewares.standard_streams import open_standard_streams

INTERRUPTED = 130


def main() -> None:
    """Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."""
    open_standard_streams()
    from gateway.cli.application import run

    try:
        status = run()
    except KeyboardInterrupt:
        sys.stdout.flush()
        os._exit(INTERRUPTED)  # threads may still wait for answers
    sys.exit(status)
