"""The master's end of a socket pair with one worker."""

import asyncio
import socket
from collections.abc import Callable

from gateway.master.wire import Decoder, Message, encode

#: What a worker has not read; beyond it, news of its siblings are dropped. Only one that hangs comes so far.
MOST_UNREAD = 16 * 1024 * 1024
_PIECE = 256 * 1024


class Channel:
    """Sends and receives messages; the descriptor outlives the object, so that another master can go on."""

    def __init__(
        self,
        sock: socket.socket,
        received: Callable[[Message], None],
        ended: Callable[[], None],
        *,
        unread: bytes = b"",
        begun: bytes = b"",
    ) -> None:
        self.socket = sock
        self._received = received
        self._ended = ended
        self._unsent = bytearray(unread)
        self._decoder = Decoder(begun)
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._read)
        if unread:
            self._loop.add_writer(sock.fileno(), self._write)

    @property
    def pending(self) -> tuple[bytes, bytes]:
        """What was not sent yet, and what came of a message that has not ended."""
        return bytes(self._unsent), self._decoder.rest

    def send(self, message: Message, *, may_be_dropped: bool = False) -> None:
        if not self._is_open or (may_be_dropped and len(self._unsent) > MOST_UNREAD):
            return
        was_empty = not self._unsent
        self._unsent += encode(message)
        if was_empty:
            self._write()
            if self._unsent and self._is_open:
                self._loop.add_writer(self.socket.fileno(), self._write)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self.socket.fileno())
            self._loop.remove_writer(self.socket.fileno())
            self.socket.close()

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self.socket.send(self._unsent[:_PIECE])
                del self._unsent[:sent]
        except BlockingIOError:
            return
        except OSError:  # it has ended; the reader hears of it too
            self._unsent.clear()
        self._loop.remove_writer(self.socket.fileno())

    def _read(self) -> None:
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self.socket.fileno())
            self._ended()
            return
        for message in self._decoder.feed(data):
            self._received(message)
