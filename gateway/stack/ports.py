"""Whether a port is taken, and by whom as far as it can be told."""

import errno
import os
import socket
import sys
from pathlib import Path

from gateway.stack.processes import command_of, output_of

LISTEN = "0A"  # the state column of /proc/net/tcp


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    return not answers(port) and _can_bind(host, port)


def answers(port: int) -> bool:
    """Whether anything listens on loopback: `localhost` is both of its addresses."""
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, port), timeout=1):
                return True
        except TimeoutError:  # a listener whose backlog is full
            return True
        except OSError:
            continue
    return False


def holder_of(port: int) -> str | None:
    """The process that listens there, `command (pid 123)`; None when it is not ours to see."""
    pid = _holder_by_proc(port) if sys.platform == "linux" else None
    pid = pid or _holder_by_lsof(port)
    return f"{command_of(pid)} (pid {pid})" if pid else None


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that only wait out their TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True


def _holder_by_proc(port: int) -> int | None:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, rows):
            if columns[3] == LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        try:
            if os.readlink(descriptor) in inodes:
                return int(descriptor.parts[2])
        except OSError:  # closed meanwhile, or another user's
            continue
    return None


def _holder_by_lsof(port: int) -> int | None:
    lines = output_of("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp").splitlines()
    return next((int(line[1:]) for line in lines if line.startswith("p")), None)
