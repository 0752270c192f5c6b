"""What a master begins with, and hands on to the next one: plain JSON in memory without a name."""

import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class WorkerState:
    """A worker that runs; `channel` and `errors` are descriptors."""

    slot: int
    pid: int
    channel: int
    errors: int
    started_at_s: float
    state: str
    counters: dict[str, float] = field(default_factory=dict)
    #: What it was not sent yet, and what came of a message that has not ended; hexadecimal.
    unread: str = ""
    begun: str = ""


@dataclass(slots=True)
class MasterState:
    """The descriptors of the listening sockets by name, and what is to be kept over an upgrade."""

    #: `public`, and `admin` if there is one.
    sockets: dict[str, int]
    workers: int
    gateway: str
    log_format: str = "json"
    #: When the gateway began, Unix time.
    started_at_s: float = field(default_factory=time.time)
    #: Workers that run already: the master before has handed them on.
    running: list[WorkerState] = field(default_factory=list)
    #: By name, what workers gave to be kept for those that replace a crashed one.
    kept: dict[str, Any] = field(default_factory=dict)
    #: Counters of workers that have ended, summed.
    departed: dict[str, float] = field(default_factory=dict)
    #: The roll that goes on in the next master.
    roll: dict[str, Any] = field(default_factory=dict)

    def to_descriptor(self) -> int:
        """Write it to memory that has no name, since it may have private keys; its descriptor is inherited."""
        descriptor = _unnamed()
        with os.fdopen(os.dup(descriptor), "w") as file:
            json.dump(asdict(self), file)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.set_inheritable(descriptor, True)
        return descriptor

    @classmethod
    def of_descriptor(cls, descriptor: int) -> "MasterState":
        """Read it; members that this release does not know are left out."""
        with os.fdopen(descriptor) as file:
            said = json.load(file)
        said["running"] = [_known(WorkerState, one) for one in said.get("running", ())]
        state: MasterState = _known(cls, said)
        return state


def _unnamed() -> int:
    try:
        return os.memfd_create("lockgate-master")
    except (AttributeError, OSError):  # another system
        descriptor, path = tempfile.mkstemp(prefix="lockgate-")
        os.unlink(path)
        return descriptor


def _known(kind: Any, said: dict[str, Any]) -> Any:
    return kind(**{name: said[name] for name in kind.__dataclass_fields__ if name in said})
