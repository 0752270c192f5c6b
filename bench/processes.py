"""Measured processes: pinned to a core, measured as a tree, ended by their pid."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from bench.ports import free_port as free_port

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 5.0
ROUTES_WITHIN_S = 10.0
#: The environment of a Python program that imports from this tree.
THIS_TREE = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def cores() -> tuple[int, int]:
    """(core of the load and the origin, core of the gateway); the same one if there is only one."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return available[0], available[-1]


def all_cores() -> str:
    """All cores of this machine, for `pinned`."""
    return f"0-{(os.cpu_count() or 1) - 1}"


def pinned(core: int | str, command: Sequence[str]) -> list[str]:
    """The command pinned to one core, or to a list of them, if the system can do that."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(core), *command] if taskset else list(command)


def answers(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


class StartError(Exception):
    """A program did not start; the message is the end of its output."""


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds so far, those of them in the kernel, and resident bytes now: a process and its children."""

    cpu_s: float
    kernel_s: float
    rss_bytes: int


class Running:
    """One program with its children; use it as a context manager."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int | str,
        folder: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.output = folder / "output.log"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                pinned(core, command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_up(self) -> None:
        """Return when the port takes connections. Raises StartError."""
        until_s = time.monotonic() + STARTS_WITHIN_S
        while not answers(self.port):
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise StartError(self._last_words())
            time.sleep(0.02)

    def usage(self) -> Usage:
        """What it and its children have used so far."""
        cpu_s, kernel_s, rss_bytes = 0.0, 0.0, 0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                kernel_s += times.system
                rss_bytes += process.memory_info().rss
        return Usage(cpu_s, kernel_s, rss_bytes)

    def end(self) -> None:
        """End it and its children, and kill those that do not end."""
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=ENDS_WITHIN_S)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS_WITHIN_S)

    def __enter__(self) -> Self:
        try:
            self.wait_until_up()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _tree(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.Error:
            return []

    def _last_words(self) -> str:
        text = self.output.read_text("utf-8", "replace").strip()
        return text[-600:] or "it ended without a word"


def until_routed(url: str) -> None:
    """Return when `url` answers 200: some listen before they can route. Raises StartError."""
    until_s = time.monotonic() + ROUTES_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > until_s:
                raise StartError(f"{url} is not routed: {error}") from None
            time.sleep(0.05)
