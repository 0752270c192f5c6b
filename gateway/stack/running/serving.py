"""Whether `lockgate serve` runs in a state directory, and its processes' pids."""

import fcntl
import json
import os
import time
from dataclasses import dataclass, field
from io import FileIO
from typing import Self

from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY
from gateway.stack.state import StackState

#: The gateway's command in the record of `lockgate serve`.
SERVE_COMMAND = ("lockgate", "serve")
#: A process that only looks holds the lock for a moment too.
_CLAIMED_WITHIN_S = 0.5
_POLL_S = 0.02
#: More than names and pids need, so that one write replaces everything.
_BYTES = 256


@dataclass(slots=True)
class Serving:
    """The lock of the one `lockgate serve` of a state directory; it is released however that ends.

    A child that is forked later and runs no other program holds it too.
    """

    file: FileIO
    pids: dict[str, int] = field(default_factory=dict)

    @classmethod
    def claim(cls, state: StackState) -> Self | None:
        """Take it for this process; None where another one serves."""
        file = FileIO(os.open(state.serving_file, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        deadline_s = time.monotonic() + _CLAIMED_WITHIN_S
        while not _locks(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline_s:
                file.close()
                return None
            time.sleep(_POLL_S)
        serving = cls(file)
        serving.note(GATEWAY, os.getpid())
        return serving

    def note(self, name: str, pid: int) -> None:
        """Record a process for others; a later one of that name replaces it."""
        self.pids[name] = pid
        self.file.seek(0)
        self.file.write(json.dumps(self.pids).ljust(_BYTES).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def served_pids(state: StackState) -> dict[str, int]:
    """The processes of the `lockgate serve` that runs there, by name; empty if none runs."""
    try:
        with FileIO(state.serving_file) as file:
            if _locks(file, fcntl.LOCK_SH):
                return {}
            return dict(json.loads(file.read() or b"{}"))
    except OSError:
        return {}


def served_last(state: StackState) -> bool:
    """Whether a `lockgate serve` runs or ran there last; `down` leaves no record of what it ended."""
    record = state.load_record()
    return record is not None and any(one.command == SERVE_COMMAND for one in record.processes)


def require_not_served(state: StackState) -> None:
    """Raise StackError where `lockgate serve` runs: `up` and `down` leave it alone."""
    if pids := served_pids(state):
        raise StackError(
            f"`lockgate serve` runs with {state.directory} (pid {pids[GATEWAY]}): "
            f"^C there or `kill {pids[GATEWAY]}` ends it"
        )


def _locks(file: FileIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
