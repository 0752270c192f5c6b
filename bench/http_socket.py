"""A blocking HTTP connection for measurements that need every byte."""

import json
import socket
import time
from typing import Self

BLOCK = bytes(256 * 1024)
PATIENCE_S = 30.0


class BrokenOff(Exception):
    """The connection ended, or the answer was not 200 or 101."""


class HttpSocket:
    """One connection; use it as a context manager."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""

    def ask(self, path: str, *lines: str, method: str = "GET") -> None:
        head = "\r\n".join((f"{method} {path} HTTP/1.1", "Host: bench", *lines, "", ""))
        self.sock.sendall(head.encode("ascii"))

    def head(self) -> bytes:
        """Read to the end of the response's head, and keep what came of the body. Raises BrokenOff."""
        while b"\r\n\r\n" not in self._came:
            self._came += self._receive()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
            raise BrokenOff(head.partition(b"\r\n")[0].decode("latin-1"))
        return head

    def line(self) -> bytes:
        """Read one line of the body. Raises BrokenOff."""
        while b"\n" not in self._came:
            self._came += self._receive()
        line, _, self._came = self._came.partition(b"\n")
        return line

    def take(self, count: int, *, at_a_time: int = len(BLOCK), pause_s: float = 0.0) -> None:
        """Read `count` bytes of the body and drop them. Raises BrokenOff."""
        buffer = memoryview(bytearray(at_a_time))
        count -= len(self._came)
        self._came = b""
        while count > 0:
            came = self.sock.recv_into(buffer)
            if not came:
                raise BrokenOff(f"the connection ended {count} bytes early")
            count -= came
            if pause_s:
                time.sleep(pause_s)

    def small(self, path: str) -> None:
        """Send one small request and read its answer."""
        self.ask(path)
        head = self.head().lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(self._came) < length:
            self._came += self._receive()
        json.loads(self._came[:length])
        self._came = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def _receive(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise BrokenOff("the connection ended")
        return data
