"""Load over HTTP: by wrk if it is installed, else by our own generator."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.processes import pinned
from bench.workloads import new_run

_SCRIPT = Path(__file__).with_name("distinct.lua")
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class LoadError(Exception):
    """The load could not be applied; the generator's message."""


@dataclass(frozen=True, slots=True)
class Load:
    """A generator's result; `failed` are answers other than 2xx and 3xx, and broken connections."""

    requests: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def per_s(self) -> float:
        return self.requests / self.duration_s


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "bench.generator (wrk is not installed)"


def load(
    port: int,
    template: str,
    *,
    core: int,
    connections: int,
    duration_s: float,
    pause_ms: float = 0.0,
    scheme: str = "http",
) -> Load:
    """Send the template's requests (`workloads.py`) over this many connections, each with one at a time.

    `pause_ms` is the mean time that a connection rests before each request. Raises LoadError.
    """
    wrk = shutil.which("wrk")
    command = [wrk, "-s", str(_SCRIPT)] if wrk else [sys.executable, "-m", "bench.generator"]
    # wrk takes whole seconds.
    seconds = max(1, round(duration_s))
    command += ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    with tempfile.NamedTemporaryFile("w", newline="", prefix="lockgate-bench-") as file:
        file.write(template)
        file.flush()
        command += [f"{scheme}://127.0.0.1:{port}/", "--", file.name, new_run(), str(pause_ms)]
        ran = subprocess.run(
            pinned(core, command),
            capture_output=True,
            text=True,
            timeout=seconds + 20,
            check=False,
        )
    if ran.returncode:
        raise LoadError((ran.stdout + ran.stderr).strip()[-400:])
    return parse(ran.stdout)


def parse(said: str) -> Load:
    """Parse what wrk prints."""
    done = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
    if done is None:
        raise LoadError(said.strip()[-400:])
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    failed = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    duration_s = float(done[2]) * _UNITS_MS[done[3]] / 1000
    return Load(int(done[1]), duration_s, _quantile(said, 50), _quantile(said, 99), failed)


def _quantile(said: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", said)
    return float(found[1]) * _UNITS_MS[found[2]] if found else float("nan")
