"""Whether a port can be listened at."""

import errno
import socket

from gateway.machine.bind_failures import reason

_IN_THE_WAY = frozenset({errno.EADDRINUSE, errno.EACCES})


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    failure = _bind_failure(host, port)
    return not answers(port) and (failure is None or failure.errno not in _IN_THE_WAY)


def privilege_needed(port: int, host: str = "127.0.0.1") -> str:
    """The privilege that the port needs; empty if it needs none."""
    failure = _bind_failure(host, port)
    return reason(failure, port) if failure and failure.errno == errno.EACCES else ""


def free_port() -> int:
    """A port that is free now; another program may take it soon."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if not answers(port):  # on ::1 neither
            return port


def answers(port: int) -> bool:
    """Whether anything listens on loopback, at either address of `localhost`."""
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, port), timeout=1):
                return True
        except TimeoutError:  # a listener with a full backlog
            return True
        except OSError:
            continue
    return False


def _bind_failure(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do it: connections in TIME_WAIT must not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
