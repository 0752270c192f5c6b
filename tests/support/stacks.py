"""The whole stack as a user runs it: `make up` in this checkout, at its own offset."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.ports import claim
from gateway.machine.ports import is_free
from gateway.stack.plan import REGISTRY_PORT, SERVICE_PORTS

REPOSITORY = Path(__file__).parents[2]
GATEWAY_PORT = 8080
#: A higher offset would reach the ports that systems give to outgoing connections.
HIGHEST_OFFSET = 24_000
#: Variables of the make that runs the tests, which are not meant for the makes in the tests.
NOT_PASSED_ON = {
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PORT_OFFSET", "SCALE", "SERVICES"),
    *("ARGS", "PYTHON"),
    # Settings of the developer, which are not meant for the tests' stacks.
    *("REDIS_URL", "REGISTRY_NAMESPACE", "LOG_LEVEL", "LOG_FORMAT", "ADMIN_TOKEN"),
    *("ADMIN_TOKEN_FILE", "ADMIN_LISTEN", "GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_CONFIG"),
    *(
        "SERVICE_HOST",
        "SERVICE_PORT",
        "ADVERTISE_HOST",
        "ADVERTISE_OWN_ADDRESS",
        "MARKET_DATA_FILE",
    ),
}


def free_offset() -> int:
    """An offset at which every port of a stack is free, no other test's, and no stack has kept data."""
    named = [REGISTRY_PORT, GATEWAY_PORT, *SERVICE_PORTS.values()]
    while True:
        offset = random.SystemRandom().randrange(2000, HIGHEST_OFFSET)
        kept = (REPOSITORY / ".lockgate" / str(offset)).exists()
        ports = [port + offset for port in named]
        if not kept and all(map(is_free, ports)) and claim(*ports):
            return offset


class Reply:
    """An answer that has been read."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


class Stack:
    """A stack at a free offset; `down` ends it and removes its data."""

    def __init__(self, **environment: str) -> None:
        self.offset = free_offset()
        self.gateway_port = GATEWAY_PORT + self.offset
        self.url = f"http://127.0.0.1:{self.gateway_port}"
        self.folder = REPOSITORY / ".lockgate" / str(self.offset)
        ours = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
        self.environment = ours | {"COLUMNS": "200"} | environment

    def make(self, target: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run `make TARGET PORT_OFFSET=… VARIABLE=…` in the checkout's root."""
        said = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.run(
            ["make", target, f"PORT_OFFSET={self.offset}", *said],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def lockgate(self, *arguments: str) -> str:
        """Run `lockgate … --port-offset …`; return its output."""
        done = subprocess.run(
            [REPOSITORY / ".venv/bin/lockgate", *arguments, "--port-offset", str(self.offset)],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def up(self, **variables: str) -> str:
        done = self.make("up", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def down(self) -> None:
        done = self.make("down")
        shutil.rmtree(self.folder, ignore_errors=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def processes(self) -> dict[str, dict[str, Any]]:
        """`lockgate ps --json`, by name."""
        return {row["name"]: row for row in json.loads(self.lockgate("ps", "--json"))}

    def logs(self) -> list[dict[str, Any]]:
        """The log lines, each of which must be a JSON object."""
        text = self.lockgate("logs", "--no-follow", "--tail", "20000")
        return [json.loads(line) for line in text.splitlines()]

    def get(self, path: str, **headers: str) -> Reply:
        """GET a path from the gateway."""
        request = urllib.request.Request(
            self.url + path, headers={key.replace("_", "-"): v for key, v in headers.items()}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Reply(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Reply(refusal.code, refusal.headers, refusal.read())

    def kill(self, name: str) -> int:
        """Kill one process with SIGKILL; return its pid."""
        pid = int(self.processes()[name]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid


def until(look: Callable[[], Any], *, within_s: float = 30.0) -> Any:
    """Call `look` until it returns something true, and return that."""
    deadline_s = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline_s, f"not within {within_s} s"
        time.sleep(0.05)
