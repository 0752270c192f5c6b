"""Standard input, output and error of a program that was started with one of them closed (`>&-`)."""

import os
import sys


def open_standard_streams() -> None:
    """Put the null device in the place of each that is closed; to be called before anything is opened.

    Else the next file or socket takes its number, and what is meant for standard output goes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
