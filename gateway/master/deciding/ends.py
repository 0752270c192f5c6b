"""How a process has ended, in words."""

import signal


def in_words(status: int) -> str:
    """`status` is the exit status, or a signal's number below zero."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:  # one of the real-time signals
        return f"signal {-status}"


def how_ended(status: int) -> str:
    """The same as a clause: `ended with status 2`."""
    return f"ended {'by' if status < 0 else 'with'} {in_words(status)}"
