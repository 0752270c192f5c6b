"""Which processes belong to a stack, told by a marker in their environment."""

import os
import subprocess
import sys
from pathlib import Path

MARKER_VARIABLE = "LOCKGATE_STACK"


def marked_pids(marker: str) -> set[int]:
    """Live processes started for the stack, however often restarted and whoever their parent is."""
    wanted = f"{MARKER_VARIABLE}={marker}"
    found = _by_proc(os.fsencode(wanted)) if sys.platform == "linux" else _by_ps(wanted)
    return found - {os.getpid()}


def signal_all(pids: set[int], signal_number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def output_of(*command: str) -> str:
    """Standard output of a small system tool; nothing where the tool is missing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - no shell, our own words
    except FileNotFoundError:
        return ""


def command_of(pid: int) -> str:
    output = output_of("ps", "-ww", "-o", "args=", "-p", str(pid)).strip()
    if output or sys.platform != "linux":
        return output
    try:  # no ps in small containers
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace").strip()


def _by_proc(wanted: bytes) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if wanted in environment.split(b"\0"):
            found.add(int(entry.name))
    return found


def _by_ps(wanted: str) -> set[int]:
    found = set()
    for line in output_of("ps", "-axEww", "-o", "pid=,command=").splitlines():
        pid, _, rest = line.strip().partition(" ")
        if f" {wanted} " in f"{rest} ":
            found.add(int(pid))
    return found
