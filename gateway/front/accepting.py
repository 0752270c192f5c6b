"""Takes connections from a socket that several workers share, so that each gets as many as the others.

An event loop takes all that wait at once, so of a burst the worker that wakes first gets nearly all. Here a
worker takes one per turn of its loop, and one that has more connections than a sibling leaves a new one to it
for a moment (decision 32).
"""

import asyncio
import errno
import socket
from collections.abc import Callable

import structlog

from gateway.machine.shared_counts import SharedCounts

#: How long a worker that has more connections leaves new ones to its siblings.
PAUSE_S = 0.001
#: So many more than the sibling with the fewest are fine.
SLACK = 1
#: What waits after a pause is taken, up to so many: the siblings are busy.
AFTER_PAUSE = 4
#: When the system has no descriptor or no memory for a connection, it is asked again so much later.
EXHAUSTED_S = 0.1
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = structlog.get_logger()

Factory = Callable[[], asyncio.BaseProtocol]


class Accepting:
    """In the place of an asyncio server: it has `close`. `connections` tells how many are open."""

    def __init__(
        self,
        sock: socket.socket,
        factory: Factory,
        counts: SharedCounts,
        connections: Callable[[], int],
    ) -> None:
        self._sock = sock
        self._factory = factory
        self._counts = counts
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[object]] = set()
        self._is_open = True
        sock.setblocking(False)
        self.changed()
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def under_way(self) -> int:
        """How many were taken that no protocol has yet."""
        return len(self._under_way)

    def changed(self) -> None:
        """Tell the siblings how many connections there are."""
        if self._is_open:
            self._counts.set(self._connections() + len(self._under_way))

    def close(self) -> None:
        """Take no more; what waits is taken by the siblings."""
        if not self._is_open:
            return
        self._is_open = False
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._counts.leave()

    async def wait_closed(self) -> None:
        """Return when each connection that was taken has its protocol."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _readable(self) -> None:
        least = self._counts.least_of_others()
        if least is not None and self._connections() + len(self._under_way) > least + SLACK:
            self._pause_for(PAUSE_S)
        else:
            self._take()

    def _pause_for(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._pause = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock.fileno(), self._readable)
        for _ in range(AFTER_PAUSE):
            if not self._take():
                return

    def _take(self) -> bool:
        """Take one connection; False if there is none, or no room for it."""
        try:
            came, _ = self._sock.accept()
        except OSError as error:  # mostly because a sibling was faster
            if error.errno in _EXHAUSTED:
                _log.warning("client.not_taken", detail=error.strerror)
                self._pause_for(EXHAUSTED_S)
            return False
        came.setblocking(False)
        task = self._loop.create_task(self._begin(came))
        self._under_way.add(task)
        task.add_done_callback(self._begun)
        self.changed()
        return True

    async def _begin(self, came: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, came)
        except OSError:  # it has gone already
            came.close()

    def _begun(self, task: "asyncio.Task[object]") -> None:
        self._under_way.discard(task)
        self.changed()
