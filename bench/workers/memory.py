"""Memory of single processes, as the kernel counts it."""

from dataclasses import dataclass
from pathlib import Path

import psutil

KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB. `pss`: with its share of what others have too; `own`: what it alone has; `shared`: the rest."""

    rss: float
    pss: float
    own: float
    #: Of memory that no file holds, what other processes have too: what a fork shares.
    shared_anonymous: float

    @property
    def shared(self) -> float:
        return self.rss - self.own


def memory_of(pid: int) -> Memory:
    """Of one process."""
    rss = pss = own = anonymous_shared = 0
    anonymous = False
    for line in Path(f"/proc/{pid}/smaps").read_text("ascii", "replace").splitlines():
        words = line.split()
        if not words[0].endswith(":"):  # the head of a mapping; the inode is 0 if no file is mapped
            anonymous = words[4] == "0"
        elif words[0] == "Rss:":
            rss += int(words[1])
        elif words[0] == "Pss:":
            pss += int(words[1])
        elif words[0] in ("Private_Clean:", "Private_Dirty:"):
            own += int(words[1])
        elif words[0] in ("Shared_Clean:", "Shared_Dirty:") and anonymous:
            anonymous_shared += int(words[1])
    return Memory(rss / KIB, pss / KIB, own / KIB, anonymous_shared / KIB)


def workers_of(pid: int) -> list[int]:
    """The processes that a master has started; the process itself if it has started none."""
    return [child.pid for child in psutil.Process(pid).children()] or [pid]
