"""Whether a port can be had."""

import errno
import socket

from gateway.machine.bind_failures import reason

_IN_THE_WAY = frozenset({errno.EADDRINUSE, errno.EACCES})


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    failure = _bind_failure(host, port)
    return not answers(port) and (failure is None or failure.errno not in _IN_THE_WAY)


def privilege_needed(port: int, host: str = "127.0.0.1") -> str:
    """What it takes to listen at a port that is not for everybody; empty: nothing."""
    failure = _bind_failure(host, port)
    return reason(failure, port) if failure and failure.errno == errno.EACCES else ""


def free_port() -> int:
    """One that nobody has now; whoever is to have it should be quick."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if not answers(port):  # at ::1 either
            return port


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


def _bind_failure(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that only wait out their TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
