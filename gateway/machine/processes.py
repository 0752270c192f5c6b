"""Finds the processes of a stack by a marker in their environment."""

import os
import shlex

import psutil

MARKER_VARIABLE = "LOCKGATE_STACK"


def marked_pids(marker: str) -> set[int]:
    """Living processes of the stack, however often restarted and whoever their parent is."""
    # The environment is None for another user's process or a zombie.
    return {
        process.pid
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARKER_VARIABLE) == marker
    } - {os.getpid()}


def marker_of(pid: int) -> str:
    """The marker of a process's stack; empty if it has none, or is another user's."""
    try:
        return str(psutil.Process(pid).environ().get(MARKER_VARIABLE, ""))
    except (psutil.Error, OSError):
        return ""


def signal_all(pids: set[int], signal_number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def command_of(pid: int) -> str:
    """The command as one would type it; only the name where its arguments can't be read."""
    try:
        process = psutil.Process(pid)
        try:
            return shlex.join(process.cmdline()) or process.name()
        except psutil.AccessDenied:
            return process.name()
    except psutil.Error:
        return "a process that has ended"
