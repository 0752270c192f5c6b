"""Opens the standard streams of a program that was started with one of them closed (`>&-`)."""

import os
import sys


def open_standard_streams() -> None:
    """Open the null device for each closed stream. Call this before anything else is opened.

    Otherwise the next file or socket gets the stream's number, and standard output is written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
