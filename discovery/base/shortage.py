"""What this process itself lacks (descriptors, memory, ports, threads): no verdict about anybody else."""

import errno

#: EAGAIN is what is said where no thread or local port is left.
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
    """Whether an error, or what it was raised from, says what this process lacks."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, OSError) and error.errno in OWN_SHORTAGES:
            return True
        error = error.__cause__
    return False
