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
    #: Unix time, and the time of the monotonic clock.
    started_at_s: float
    state: str
    since_s: float = 0.0
    counters: dict[str, float] = field(default_factory=dict)
    has_view: bool = False
    config: str | None = None
    #: For how long it has been stopping.
    stopping_s: float = 0.0
    #: What it was not sent yet, and what came of a message that has not ended; hexadecimal.
    unread: str = ""
    begun: str = ""
    #: Descriptors that go with what was not sent yet: from which byte on, and which.
    attached: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class PortState:
    """A listening socket that the master has bound for workers."""

    host: str
    port: int
    descriptor: int
    #: The ids of the workers that use it.
    holders: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MasterState:
    """The descriptors of the listening sockets by name, and what is to be kept over an upgrade."""

    #: `public`, and `admin` if there is one.
    sockets: dict[str, int]
    workers: int
    gateway: str
    log_format: str = "json"
    log_level: str = "info"
    #: When the gateway began, Unix time.
    started_at_s: float = field(default_factory=time.time)
    #: What the line says that tells of the start; empty once it was written.
    start_line: dict[str, Any] = field(default_factory=dict)
    #: A new worker of a roll has so long to get ready, and one that was told to end has so long for that.
    ready_within_s: float = 15.0
    ends_within_s: float = 310.0
    #: Workers that run already: the master before has handed them on.
    running: list[WorkerState] = field(default_factory=list)
    #: By name, what workers gave to be kept for those that replace a crashed one.
    kept: dict[str, Any] = field(default_factory=dict)
    #: Counters of workers that have ended, summed.
    departed: dict[str, float] = field(default_factory=dict)
    #: By slot, how many workers in a row have ended by themselves.
    ends: dict[str, int] = field(default_factory=dict)
    #: By slot, what is told of the last worker that has ended by itself.
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The roll that goes on in the next master, and the last reload.
    roll: dict[str, Any] = field(default_factory=dict)
    reload: dict[str, Any] = field(default_factory=dict)
    ports: list[PortState] = field(default_factory=list)

    @property
    def descriptors(self) -> list[int]:
        """All that another master inherits."""
        found = [*self.sockets.values(), *(port.descriptor for port in self.ports)]
        for one in self.running:
            found += [one.channel, one.errors, *(descriptor for _, descriptor in one.attached)]
        return found

    def to_descriptor(self) -> int:
        """Write it to memory that has no name, since it may have private keys.

        No worker that is started meanwhile inherits the descriptor.
        """
        descriptor = _unnamed()
        with os.fdopen(os.dup(descriptor), "w") as file:
            json.dump(asdict(self), file)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    @classmethod
    def of_descriptor(cls, descriptor: int) -> "MasterState":
        """Read it; members that this release does not know are left out."""
        with os.fdopen(descriptor) as file:
            said = json.load(file)
        said["running"] = [_known(WorkerState, one) for one in said.get("running", ())]
        said["ports"] = [_known(PortState, one) for one in said.get("ports", ())]
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
