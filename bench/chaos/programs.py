"""A program that is killed, hung and restarted; it keeps its command, and so its port."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from bench.processes import StartError
from discovery.announcing.listening import listens

STARTS_WITHIN_S = 45.0
ENDS_WITHIN_S = 10.0


class Program:
    """One process; its output is in `folder`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.output = folder / "output.log"
        self._command = list(command)
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, within_s: float = STARTS_WITHIN_S) -> None:
        """Start it, and return when its port takes connections. Raises StartError."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it comes back at once
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment,
            )
        until_s = time.monotonic() + within_s
        while not await listens("127.0.0.1", self.port):
            if self._process.poll() is not None or time.monotonic() > until_s:
                last_words = self.output.read_text("utf-8", "replace").strip()[-400:]
                raise StartError(f"{self._command[0]} does not listen: {last_words}")
            await asyncio.sleep(0.02)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def kill(self) -> None:
        """Send SIGKILL, which ends a hung program too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Kill it with the processes that it has started, which would outlive it."""
        children: list[psutil.Process] = []
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = psutil.Process(self._process.pid).children(recursive=True)
        self.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    async def stop(self) -> None:
        """Send SIGTERM, wait for the end, and kill what does not end."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, ENDS_WITHIN_S)
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
