"""Tells systemd what this process does (sd_notify); where no service manager asks for it, nothing is sent."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping, MutableMapping

#: The variables by which systemd asks for it; they are for this process, and for no child of it.
NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
VARIABLES = (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID)
#: systemd reads its socket at once; whoever else has made it may not.
_SENT_WITHIN_S = 1.0


class ServiceManager:
    """The one that started this process, as its environment says."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._socket = environ.get(NOTIFY_SOCKET, "")
        self._has_failed = False
        self.watchdog_s = _watchdog_s(environ) if self._socket else None

    def ready(self, status: str) -> None:
        """The start, or a reload, has ended; `status` is a line that `systemctl status` shows."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` has to follow, whatever comes of it."""
        # systemd tells a reload that it has asked for from one before by the time.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def says(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """What the watchdog waits for, at least each `watchdog_s`."""
        if self.watchdog_s is not None:
            self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if not self._socket:
            return
        data = "\n".join(one.replace("\n", " ") for one in assignments).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(_SENT_WITHIN_S)
                sock.sendto(data, _address(self._socket))
        except OSError as error:
            self._failed(error.strerror or str(error))
        except ValueError as error:
            self._failed(str(error))

    def _failed(self, why: str) -> None:
        """Say it once: systemd would end a process that it has heard nothing of, and not tell why."""
        if self._has_failed:
            return
        self._has_failed = True
        line = f"lockgate: can't tell the service manager at NOTIFY_SOCKET={self._socket}: {why}\n"
        with contextlib.suppress(OSError):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())


def forget(environ: MutableMapping[str, str]) -> None:
    """Remove the variables, so that no child speaks for this process."""
    for name in VARIABLES:
        environ.pop(name, None)


def for_child(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables."""
    child = dict(environ)
    forget(child)
    return child


def _address(path: str) -> str:
    if path.startswith("@"):  # a name that no file system has
        return "\0" + path[1:]
    if path.startswith("/"):
        return path
    raise ValueError("it has to begin with / or @")


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Half of the time after which systemd ends this process if it hears nothing; None if it does not."""
    try:
        usec = int(environ.get(WATCHDOG_USEC, "0"))
        pid = int(environ.get(WATCHDOG_PID, str(os.getpid())))
    except ValueError:
        return None
    return usec / 2e6 if usec > 0 and pid == os.getpid() else None
