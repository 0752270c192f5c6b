"""The master's end of a socket pair with one worker, and the worker's end of it."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable

from gateway.master.wire import Decoder, Message, NoMessageError, encode

#: What the other end has not read; beyond it, what may be dropped is. Only a process that hangs comes so far.
MOST_UNREAD = 16 * 1024 * 1024
_PIECE = 256 * 1024
#: So much is taken at once by `drain`: one that never stops to talk does not stop everything else.
_MOST_DRAINED = 64
#: Descriptors that may come with one piece.
_MOST_DESCRIPTORS = 8
#: What macOS has not; there a child that is spawned at this very moment would inherit them.
_CLOSED_AT_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """Sends and receives messages; the descriptor outlives the object, so that another master can go on.

    A message may take a descriptor along; where it arrives, its member `descriptor` is the number there.
    """

    def __init__(
        self,
        sock: socket.socket,
        received: Callable[[Message], None],
        ended: Callable[[], None],
        *,
        unread: bytes = b"",
        begun: bytes = b"",
        attached: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.socket = sock
        self._received = received
        self._ended = ended
        self._unsent = bytearray(unread)
        #: Where in `_unsent` a message begins that takes this descriptor along; they are the channel's own.
        self._attached = deque((place, descriptor) for place, descriptor in attached)
        self._arrived: deque[int] = deque()
        self._decoder = Decoder(begun)
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        #: Why nothing more is taken from it; empty: it is.
        self.broken = ""
        sock.set_inheritable(False)
        sock.setblocking(False)
        for _, descriptor in self._attached:
            os.set_inheritable(descriptor, False)
        self._loop.add_reader(sock.fileno(), self._read)
        if begun:  # whole messages may be among it
            self._loop.call_soon(self._take, b"")
        if unread:
            self._loop.add_writer(sock.fileno(), self._write)

    @property
    def pending(self) -> tuple[bytes, bytes]:
        """What was not sent yet, and what came of a message that has not ended."""
        return bytes(self._unsent), self._decoder.rest

    @property
    def attached(self) -> list[tuple[int, int]]:
        """The descriptors that go with what was not sent yet."""
        return list(self._attached)

    def send(
        self, message: Message, *, descriptor: int | None = None, may_be_dropped: bool = False
    ) -> bool:
        """Send it now or later; `descriptor` goes along and is closed here once it is sent. False: dropped."""
        if not self._is_open or (may_be_dropped and len(self._unsent) > MOST_UNREAD):
            if descriptor is not None:
                socket.close(descriptor)
            return False
        was_empty = not self._unsent
        if descriptor is not None:
            message = {**message, "descriptor": True}
            self._attached.append((len(self._unsent), descriptor))
        self._unsent += encode(message)
        if was_empty:
            self._write()
            if self._unsent and self._is_open:
                self._loop.add_writer(self.socket.fileno(), self._write)
        return True

    def drain(self) -> None:
        """Take the messages that are there, now."""
        for _ in range(_MOST_DRAINED):
            if not self._read():
                return

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self.socket.fileno())
            self._loop.remove_writer(self.socket.fileno())
            self.socket.close()
            self._forget_unsent()

    def _write(self) -> None:
        try:
            while self._unsent:
                self._sent(self._send_piece())
        except BlockingIOError:
            return
        except OSError:  # it has ended; the reader hears of it too
            self._forget_unsent()
        self._loop.remove_writer(self.socket.fileno())

    def _send_piece(self) -> int:
        """Send up to the next message with a descriptor, which goes with the first byte of its own."""
        places = [place for place, _ in self._attached if place > 0]
        piece = self._unsent[: min(_PIECE, *places[:1])] if places else self._unsent[:_PIECE]
        if self._attached and self._attached[0][0] == 0:
            return socket.send_fds(self.socket, [piece], [self._attached[0][1]])
        return self.socket.send(piece)

    def _sent(self, count: int) -> None:
        del self._unsent[:count]
        if self._attached and self._attached[0][0] == 0:
            socket.close(self._attached.popleft()[1])
        self._attached = deque((place - count, number) for place, number in self._attached)

    def _forget_unsent(self) -> None:
        self._unsent.clear()
        while self._attached:
            socket.close(self._attached.popleft()[1])

    def _read(self) -> bool:
        """Take a piece of what is there; says whether there was one."""
        if not self._is_open or self.broken:
            return False
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self.socket, _PIECE, _MOST_DESCRIPTORS, _CLOSED_AT_EXEC
            )
        except BlockingIOError:
            return False
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self._arrived.append(descriptor)
        if not data:
            self._loop.remove_reader(self.socket.fileno())
            self._ended()
            return False
        self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                if message.get("descriptor") is True:
                    message["descriptor"] = self._arrived.popleft() if self._arrived else None
                self._received(message)
        except NoMessageError as error:
            self.broken = f"what it sends is no message: {error}"
            self._decoder = Decoder()
            self._loop.remove_reader(self.socket.fileno())
            self._ended()
