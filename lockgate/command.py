"""The command `lockgate`, in folders that have packages with the names of ours too."""

import sys

from lockgate.own_packages import put_own_packages_first

INTERRUPTED = 130


def main() -> None:
    put_own_packages_first()
    try:
        from gateway.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
