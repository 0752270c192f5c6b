"""Who has a port, as far as it can be told."""

from contextlib import suppress


def holder_of(port: int) -> str | None:
    """The process that listens there, `command (pid 123)`; None when it is not ours to see, or without psutil."""
    pid = _listener(port)
    if pid is None:
        return None
    from gateway.machine.processes import command_of

    return f"{command_of(pid)} (pid {pid})"


def stack_that_has(port: int) -> str:
    """Where the stack whose process listens there keeps its state; empty: it is none's, or can't be seen."""
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
    # One process after the other: all at once is a privilege of root on macOS.
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return int(process.pid)
    return None


def who_has(port: int) -> str:
    """The same in words, whoever it is."""
    return holder_of(port) or "a program that cannot be seen from here"
