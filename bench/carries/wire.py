"""Connections that send ready frames, so that the load takes less CPU than the registry."""

import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis

ANSWERS_WITHIN_S = 30.0
#: What a reader returns while an answer is incomplete.
_INCOMPLETE = object()
_READ_BYTES = 1 << 18


class Talker:
    """One connection with at most one call in flight."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(ANSWERS_WITHIN_S)
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self.sent_s = 0.0
        #: What its user keeps of it.
        self.note: Any = None

    def send(self, frame: bytes) -> None:
        self.sent_s = time.perf_counter()
        self.socket.sendall(frame)

    def read(self) -> Any:
        """The answer if it is complete after one more read, else `nothing`."""
        piece = self.socket.recv(_READ_BYTES)
        if not piece:
            raise ConnectionError("the registry closed a connection")
        self._reader.feed(piece)
        return self._taken()

    def ask(self, frame: bytes) -> Any:
        """Send and wait for the answer."""
        self.send(frame)
        return self.wait()

    def wait(self) -> Any:
        """Wait for the answer to what was sent."""
        while (answer := self.read()) is nothing:
            pass
        return answer

    def _taken(self) -> Any:
        answer = self._reader.gets()
        if isinstance(answer, hiredis.ReplyError):
            raise answer
        return answer


nothing = _INCOMPLETE


@contextmanager
def talkers(port: int, count: int) -> Iterator[list[Talker]]:
    opened: list[Talker] = []
    try:
        for _ in range(count):
            opened.append(Talker(port))  # noqa: PERF401 - those that are open are closed
        yield opened
    finally:
        for one in opened:
            one.socket.close()


class Poll:
    """Waits for the answers of many connections."""

    def __init__(self, those: Iterable[Talker]) -> None:
        self._by_number = {one.socket.fileno(): one for one in those}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def answers(self, within_s: float) -> list[tuple[Talker, Any]]:
        """The answers that are complete, waiting so long at most for more bytes of one."""
        came: list[tuple[Talker, Any]] = []
        while not came and (ready := self._poll.poll(within_s)):
            for number, _ in ready:
                talker = self._by_number[number]
                if (answer := talker.read()) is not nothing:
                    came.append((talker, answer))
        return came

    def close(self) -> None:
        self._poll.close()


@contextmanager
def polled(those: Iterable[Talker]) -> Iterator[Poll]:
    poll = Poll(those)
    try:
        yield poll
    finally:
        poll.close()


def drive(those: Sequence[Talker], next_frame: Callable[[], bytes], count: int) -> None:
    """Make so many calls, each connection its next one as soon as it has its answer."""
    with polled(those) as poll:
        sent = under_way = 0
        for one in those[:count]:
            one.send(next_frame())
            sent += 1
            under_way += 1
        while under_way:
            came = poll.answers(ANSWERS_WITHIN_S)
            if not came:
                raise TimeoutError("the registry does not answer")
            for talker, _ in came:
                under_way -= 1
                if sent < count:
                    talker.send(next_frame())
                    sent += 1
                    under_way += 1
