"""Makes a process lack descriptors."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Prevent this process from opening anything while the block runs; open files stay open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limited_to(most: int, *, softly: bool = False) -> tuple[str, ...]:
    """The words before a command that limit its descriptors."""
    flag = "-Sn" if softly else "-n"
    return ("sh", "-c", f'ulimit {flag} {most} && exec "$@"', "sh")
