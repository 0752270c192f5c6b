"""How many descriptors this process may have, and which of them are kept for whom.

The kernel gives the lowest number that is free, so that a new descriptor's number says how many are
taken: looking at it costs nothing.
"""

import contextlib
import os
import resource
import sys
from dataclasses import dataclass

#: So many at the end are kept from new clients, and half of them from connections for requests too:
#: what is left is for probes, the registry and files.
LEAST_IN_RESERVE = 64
MOST_IN_RESERVE = 1024
RESERVED_SHARE = 4


@dataclass(slots=True)
class Descriptors:
    """The limits, by a descriptor's number."""

    #: RLIMIT_NOFILE.
    most: int
    #: A client whose number is not below this one is one too many.
    clients_below: int
    #: The same for connections to instances for requests.
    requests_below: int
    #: Clients that were refused since the start.
    refused: int = 0

    @classmethod
    def of_this_process(cls) -> "Descriptors":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls.of(soft)

    @classmethod
    def of(cls, most: int) -> "Descriptors":
        """With the reserve that goes with so many; a limit that is no limit has none."""
        if most in (resource.RLIM_INFINITY, -1):
            return cls(sys.maxsize, sys.maxsize, sys.maxsize)
        reserve = min(max(most // RESERVED_SHARE, LEAST_IN_RESERVE), MOST_IN_RESERVE, most // 2)
        return cls(most, most - reserve, most - reserve // 2)

    @property
    def backlog(self) -> int:
        """So many may wait to be taken in: the event loop takes all of them before it looks at one."""
        return min(max(self.most - self.clients_below, LEAST_IN_RESERVE), MOST_IN_RESERVE)

    @property
    def most_refused_at_once(self) -> int:
        """So many clients that are refused may be there at the same time."""
        return max(1, (self.requests_below - self.clients_below) // 2)

    def open_now(self) -> int | None:
        """How many are open; None where the system does not say."""
        for folder in ("/proc/self/fd", "/dev/fd"):
            with contextlib.suppress(OSError):
                return len(os.listdir(folder)) - 1  # the listing's own
        return None


def raise_limit() -> None:
    """As many descriptors as the system lets this process have: shells and systemd begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # macOS has a limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
