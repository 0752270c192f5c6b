"""Passes bytes on and does nothing else: `python -m bench.profile.relay PORT ORIGIN-PORT BUSY-US`.

For each request it makes the system calls that every proxy in user space must make: it reads from the
client, asks by a poll whether the kept connection to the origin is still silent, writes there, reads the
answer and writes it. BUSY-US is how long it computes for each request, in the place of a proxy.
"""

import contextlib
import select
import socket
import sys
import time
from dataclasses import dataclass

BUFFER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class End:
    """One end of a pair of connections; what it reads is written to the other one."""

    own: socket.socket
    other: socket.socket
    is_client: bool

    def close(self) -> None:
        self.own.close()
        self.other.close()


def relay(listener: socket.socket, origin: tuple[str, int], busy_s: float) -> None:
    """Serve for ever."""
    waits = select.epoll()
    waits.register(listener, select.EPOLLIN)
    ends: dict[int, End] = {}
    buffer = memoryview(bytearray(BUFFER_BYTES))
    while True:
        for number, _ in waits.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                upstream = socket.create_connection(origin)
                ends[client.fileno()] = End(client, upstream, is_client=True)
                ends[upstream.fileno()] = End(upstream, client, is_client=False)
                for one in (client, upstream):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    waits.register(one, select.EPOLLIN)
            elif (end := ends.get(number)) and not pass_on(end, buffer, busy_s):
                del ends[number], ends[end.other.fileno()]
                end.close()


def pass_on(end: End, buffer: memoryview, busy_s: float) -> bool:
    """Pass on what has come; False if nothing more will come."""
    with contextlib.suppress(OSError):
        if size := end.own.recv_into(buffer):
            if end.is_client:
                until_s = time.perf_counter() + busy_s
                while time.perf_counter() < until_s:
                    pass
                check = select.poll()
                check.register(end.other, select.POLLIN)
                check.poll(0)
            end.other.sendall(buffer[:size])
            return True
    return False


if __name__ == "__main__":
    port, origin_port, busy_us = map(int, sys.argv[1:])
    relay(
        socket.create_server(("127.0.0.1", port), backlog=4096),
        ("127.0.0.1", origin_port),
        busy_us / 1e6,
    )
