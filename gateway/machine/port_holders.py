"""Who has a port, as far as this process can see."""

from contextlib import suppress


def holder_of(port: int) -> str | None:
    """The listening process, `command (pid 123)`; None without psutil, or without the right to see it."""
    pid = _listener(port)
    if pid is None:
        return None
    from gateway.machine.processes import command_of

    return f"{command_of(pid)} (pid {pid})"


def stack_that_has(port: int) -> str:
    """The state directory of the stack whose process listens there; empty if there is none to see."""
    pid = _listener(port)
    if pid is None:
        return ""
    from gateway.machine.processes import marker_of

    return marker_of(pid).rstrip("/")


def _listener(port: int) -> int | None:
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    # One process after the other: on macOS only root may list all at once.
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return int(process.pid)
    return None


def who_has(port: int) -> str:
    """The listening process in words, even if it can't be seen."""
    return holder_of(port) or "a program that cannot be seen from here"
