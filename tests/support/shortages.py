"""A process that lacks descriptors."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Nothing can be opened in this process while the block runs; what is open stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limited_to(most: int, *, softly: bool = False) -> tuple[str, ...]:
    """What stands before a command so that it gets no more descriptors."""
    flag = "-Sn" if softly else "-n"
    return ("sh", "-c", f'ulimit {flag} {most} && exec "$@"', "sh")
