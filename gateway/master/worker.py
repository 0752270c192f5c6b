"""A worker as the master knows it: a process, a channel to it, and its last words."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from gateway.master.channel import Channel
from gateway.master.deciding.patience import Seen, Waited
from gateway.master.last_words import LastWords
from gateway.master.state import WorkerState
from gateway.master.wire import GATEWAY_STOPS, Message

STARTING, READY, STOPPING = "starting", "ready", "stopping"
#: A worker that is one of the first, or replaces one that has ended, may take so long to get ready.
READY_WITHIN_S = 60.0


class Worker:
    """Made of what is known of it: by who started it, or by the master before."""

    def __init__(
        self,
        state: WorkerState,
        received: Callable[["Worker", Message], None],
        *,
        held: bool = False,
    ) -> None:
        self.slot = state.slot
        self.pid = state.pid
        self.started_at_s = state.started_at_s
        self.since_s = state.since_s
        self.state = state.state
        #: The last counters that it told.
        self.counters: dict[str, float] = state.counters
        self.has_view = state.has_view
        #: Digest of the configuration that it runs with; None before it has told.
        self.config: str | None = state.config
        #: What keeps it from being ready, in its own words.
        self.waits_for = ""
        self.waited = Waited(stopping_s=state.stopping_s)
        #: Seconds that it has, and whether it needs a view to count as ready: it replaces another one then.
        self.ready_within_s = READY_WITHIN_S
        self.needs_view = False
        #: Why the master has ended it; empty if it did not.
        self.why_ended = ""
        self.exit_status: int | None = None
        #: Set at each change, and exchanged for another one then.
        self.changed = asyncio.Event()
        self.last_words = LastWords(state.errors, held=held)
        self.channel = Channel(
            socket.socket(fileno=state.channel),
            lambda message: received(self, message),
            lambda: None,
            unread=bytes.fromhex(state.unread),
            begun=bytes.fromhex(state.begun),
            attached=state.attached,
        )

    @property
    def id(self) -> str:
        """Its pid in decimal: what siblings call it."""
        return str(self.pid)

    @property
    def is_ready(self) -> bool:
        """Whether it serves, and has what it needs for it."""
        return self.state == READY and (self.has_view or not self.needs_view)

    @property
    def missing(self) -> str:
        """What it waits for as far as is known; empty if that is nothing."""
        if self.state == READY and not self.is_ready:
            return self.waits_for or "it has no view of the registry"
        return self.waits_for

    def seen(self, ends_within_s: float) -> Seen:
        """What decides whether it is to be killed."""
        phase = "serving" if self.is_ready else "awaited"
        if self.state == STOPPING:
            phase = "stopping"
        waits_for = self.missing or self.last_words.line
        return Seen(phase, self.waited, self.ready_within_s, ends_within_s, waits_for)

    def become(self, state: str) -> None:
        self.state = state
        self.told()

    def told(self) -> None:
        """Wake those that wait for news of it."""
        self.changed.set()
        self.changed = asyncio.Event()

    def signal(self, number: int) -> None:
        """Send a signal; only to a process that was not waited for yet, so its pid is its own."""
        if self.exit_status is None:
            os.kill(self.pid, number)

    def stop(self, because: str) -> None:
        """Let it finish what is in flight, and end; `because` is a word of gateway.master.wire."""
        self.become(STOPPING)
        self.channel.send({"kind": "stop", "because": because})
        self.signal(signal.SIGTERM)

    def stop_at_once(self) -> None:
        """Let it end without waiting for what is in flight."""
        self.channel.send({"kind": "stop", "because": GATEWAY_STOPS, "at_once": True})

    def kill(self, why: str) -> None:
        self.why_ended = self.why_ended or why
        self.signal(signal.SIGKILL)

    def ended(self, status: int) -> None:
        """Take note of the end of the process; `status` is its exit status, or a signal's number below zero.

        What it has sent before its end is read first.
        """
        self.exit_status = status
        self.channel.drain()
        self.last_words.read()
        self.told()

    def close(self) -> None:
        """Forget its descriptors; the process has ended."""
        self.last_words.close()
        self.channel.close()

    @property
    def descriptors(self) -> list[int]:
        """What another master inherits."""
        return [self.channel.socket.fileno(), self.last_words.descriptor]

    def handed_on(self) -> WorkerState:
        """What the next master needs."""
        unread, begun = self.channel.pending
        return WorkerState(
            slot=self.slot,
            pid=self.pid,
            channel=self.channel.socket.fileno(),
            errors=self.last_words.descriptor,
            started_at_s=self.started_at_s,
            since_s=self.since_s,
            state=self.state,
            counters=self.counters,
            has_view=self.has_view,
            config=self.config,
            stopping_s=self.waited.stopping_s,
            unread=unread.hex(),
            begun=begun.hex(),
            attached=self.channel.attached,
        )

    def as_member(self) -> dict[str, Any]:
        """What its siblings know of it."""
        return {
            "id": self.id,
            "slot": self.slot,
            "pid": self.pid,
            "state": self.state,
            "started_at_s": self.started_at_s,
        }


def begun(slot: int, pid: int, channel: int, errors: int) -> WorkerState:
    """The state of a worker whose process was started just now."""
    return WorkerState(slot, pid, channel, errors, time.time(), STARTING, since_s=time.monotonic())
