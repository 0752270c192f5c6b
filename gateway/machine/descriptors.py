"""How many descriptors this process may have, and how many of them are reserved.

The kernel gives the lowest free number. So a new descriptor's number shows how many are taken, and
no count is needed.
"""

import contextlib
import os
import resource
import sys
from dataclasses import dataclass

#: This many at the end are closed to new clients, and half of them also to connections for requests;
#: the rest is for probes, the registry and files.
LEAST_IN_RESERVE = 64
MOST_IN_RESERVE = 1024
RESERVED_SHARE = 4


@dataclass(slots=True)
class Descriptors:
    """The limits, by a descriptor's number."""

    #: RLIMIT_NOFILE.
    most: int
    #: A client with this number or a higher one is refused.
    clients_below: int
    #: A connection for a request must have a number below this.
    requests_below: int
    #: How many clients were refused since the start.
    refused: int = 0

    @classmethod
    def of_this_process(cls) -> "Descriptors":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls.of(soft)

    @classmethod
    def of(cls, most: int) -> "Descriptors":
        """The limits with their reserve; a process without a limit has no reserve."""
        if most in (resource.RLIM_INFINITY, -1):
            return cls(sys.maxsize, sys.maxsize, sys.maxsize)
        reserve = min(max(most // RESERVED_SHARE, LEAST_IN_RESERVE), MOST_IN_RESERVE, most // 2)
        return cls(most, most - reserve, most - reserve // 2)

    @property
    def backlog(self) -> int:
        """The listen backlog: the event loop accepts all that wait before it handles one of them."""
        return min(max(self.most - self.clients_below, LEAST_IN_RESERVE), MOST_IN_RESERVE)

    @property
    def most_refused_at_once(self) -> int:
        """How many refused clients may be connected at the same time."""
        return max(1, (self.requests_below - self.clients_below) // 2)

    def open_now(self) -> int | None:
        """How many are open; None where the system does not tell."""
        for folder in ("/proc/self/fd", "/dev/fd"):
            with contextlib.suppress(OSError):
                return len(os.listdir(folder)) - 1  # without the listing's own
        return None


def raise_limit() -> None:
    """Raise the limit as far as the system allows: shells and systemd start with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # macOS has a hidden limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
