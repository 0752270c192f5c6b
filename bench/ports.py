"""Free ports, each for one of the processes that look for them at the same time."""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from pathlib import Path

#: Tests seed the common generator, which would give all of them the same ports.
_ports = random.SystemRandom()
#: One byte for each port, locked by the process that has it. It is open from the import on, since some
#: tests count descriptors.
_claims = os.open(
    Path(tempfile.gettempdir()) / f"lockgate-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600
)
#: The ports of this process. The oldest are given back, so that a long run does not take all.
_own: deque[int] = deque()
_MOST_OWN = 1000


def free_port() -> int:
    """A port that nothing listens on now, below the ports of outgoing connections.

    Otherwise a client that connects to a dead process's port may get that very port as its own, and so
    connect to itself; and the process can't come back while that lasts. No other process gets this port
    before a program listens on it, nor while that program is started again.
    """
    while True:
        port = _ports.randrange(15_000, 32_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            if claim(port):
                return port


def claim(*ports: int) -> bool:
    """Keep all these ports for this process; False if one of them was given to any process before."""
    taken: list[int] = []
    for port in ports:
        if port in _own or not _lock(port):
            for other in taken:
                _unlock(other)
            return False
        taken.append(port)
    _own.extend(taken)
    while len(_own) > _MOST_OWN:
        _unlock(_own.popleft())
    return True


def _lock(port: int) -> bool:
    try:
        fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):  # systems differ in how they refuse
        return False
    return True


def _unlock(port: int) -> None:
    fcntl.lockf(_claims, fcntl.LOCK_UN, 1, port)
