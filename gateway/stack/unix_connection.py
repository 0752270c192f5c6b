"""HTTP over a Unix socket, for the standard library's clients."""

import http.client
import socket


class UnixConnection(http.client.HTTPConnection):
    """Connects to the listener at `path`; `host` is only the value of the Host field."""

    def __init__(self, path: str, *, timeout_s: float, host: str = "localhost") -> None:
        super().__init__(host, timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        unix_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix_socket.settimeout(self.timeout)
        try:
            unix_socket.connect(self._path)
        except OSError:
            unix_socket.close()
            raise
        self.sock = unix_socket
