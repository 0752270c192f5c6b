"""A worker as the master knows it: a process, a channel to it, and its last words."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from gateway.master.channel import Channel
from gateway.master.notify import for_child
from gateway.master.state import WorkerState
from gateway.master.wire import WORKER_FD, Message

#: Lines of standard error that are kept for the reason why a worker has ended.
_LAST_LINES = 20
_PIECE = 64 * 1024

STARTING, READY, STOPPING = "starting", "ready", "stopping"


class Worker:
    """Started by `spawn`, or taken over from the master before by `adopt`."""

    def __init__(
        self,
        state: WorkerState,
        received: Callable[["Worker", Message], None],
    ) -> None:
        self.slot = state.slot
        self.pid = state.pid
        self.started_at_s = state.started_at_s
        self.state = state.state
        #: The last counters that it told.
        self.counters: dict[str, float] = state.counters
        self.has_view = False
        #: What it waits for before it is ready, in words; empty: it did not say.
        self.waits_for = ""
        #: When its loop last ran, monotonic.
        self.beat_s = time.monotonic()
        #: Why the master has ended it; empty if it did not.
        self.why_ended = ""
        self.exit_status: int | None = None
        self.changed = asyncio.Event()
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._line = b""
        self._errors = state.errors
        os.set_blocking(state.errors, False)
        asyncio.get_running_loop().add_reader(state.errors, self._read_errors)
        self.channel = Channel(
            socket.socket(fileno=state.channel),
            lambda message: received(self, message),
            lambda: None,
            unread=bytes.fromhex(state.unread),
            begun=bytes.fromhex(state.begun),
        )

    @classmethod
    def spawn(
        cls, slot: int, begin: Mapping[str, Any], received: Callable[["Worker", Message], None]
    ) -> "Worker":
        """Start a process, which inherits all sockets that are inheritable."""
        ours, theirs = socket.socketpair()
        errors, errors_in = os.pipe()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "lockgate.gateway"],
                {**for_child(os.environ), WORKER_FD: str(theirs.fileno())},
                file_actions=[(os.POSIX_SPAWN_DUP2, errors_in, 2)],
                setsigmask=(),
                setsigdef=(signal.SIGPIPE,),
            )
        os.close(errors_in)
        state = WorkerState(slot, pid, ours.detach(), errors, time.time(), STARTING)
        worker = cls(state, received)
        worker.channel.send({"kind": "begin", "slot": slot, **begin})
        return worker

    @property
    def id(self) -> str:
        """Its pid in decimal: what siblings call it."""
        return str(self.pid)

    @property
    def last_words(self) -> str:
        """The last line that it wrote to standard error; empty if there is none."""
        lines = [line for line in self._last_lines if line.strip()]
        return lines[-1].strip() if lines else ""

    def become(self, state: str) -> None:
        self.state = state
        self._changes()

    def told(self) -> None:
        """Wake those that wait for news of it."""
        self._changes()

    def signal(self, number: int) -> None:
        """Send a signal; only to a process that was not waited for yet, so its pid is its own."""
        if self.exit_status is None:
            os.kill(self.pid, number)

    def stop(self, because: str) -> None:
        """Let it finish what is in flight, and end; `replaced`: its siblings take new connections meanwhile."""
        self.become(STOPPING)
        self.channel.send({"kind": "stop", "because": because})
        self.signal(signal.SIGTERM)

    def kill(self, why: str) -> None:
        self.why_ended = why
        self.signal(signal.SIGKILL)

    def ended(self, status: int) -> None:
        """Take note of the end of the process; `status` is its exit status, or a signal's number below zero."""
        self.exit_status = status
        self._read_errors()
        self._changes()

    def close(self) -> None:
        """Forget its descriptors; the process has ended."""
        asyncio.get_running_loop().remove_reader(self._errors)
        os.close(self._errors)
        self.channel.close()

    def handed_on(self) -> WorkerState:
        """What the next master needs; its descriptors are inherited."""
        for descriptor in (self.channel.socket.fileno(), self._errors):
            os.set_inheritable(descriptor, True)
        unread, begun = self.channel.pending
        return WorkerState(
            slot=self.slot,
            pid=self.pid,
            channel=self.channel.socket.fileno(),
            errors=self._errors,
            started_at_s=self.started_at_s,
            state=self.state,
            counters=self.counters,
            unread=unread.hex(),
            begun=begun.hex(),
        )

    def _changes(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def _read_errors(self) -> None:
        """Pass on what it writes to standard error, and remember the last lines."""
        while True:
            try:
                data = os.read(self._errors, _PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                asyncio.get_running_loop().remove_reader(self._errors)
                return
            with contextlib.suppress(OSError):
                os.write(2, data)
            *lines, self._line = (self._line + data).split(b"\n")
            self._last_lines.extend(line.decode(errors="replace") for line in lines)
