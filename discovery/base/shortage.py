"""Shortages of this process (descriptors, memory, ports, threads), which prove nothing of others."""

import errno

#: EAGAIN means that no thread or local port is left.
OWN_SHORTAGES = frozenset(
    [
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EAGAIN,
    ]
)


def is_own_shortage(error: BaseException | None) -> bool:
    """Whether an error, or its cause, is a shortage of this process."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, OSError) and error.errno in OWN_SHORTAGES:
            return True
        error = error.__cause__
    return False
