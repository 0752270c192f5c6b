"""Load over HTTP: by wrk if it is installed, else by our own generator."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from bench.processes import pinned

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}

#: What Chrome sends; wrk adds Host, which makes 14.
BROWSER: Mapping[str, str] = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": "https://app.example.com/dashboard?tab=prices",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
}


class LoadError(Exception):
    """The load could not be applied; the generator's message."""


@dataclass(frozen=True, slots=True)
class Load:
    """A generator's result; `failed` are answers other than 2xx, and broken connections."""

    requests: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    failed: int


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "bench.generator (wrk is not installed)"


def load(
    url: str,
    *,
    core: int,
    connections: int,
    duration_s: float,
    fields: Mapping[str, str] | None = None,
) -> Load:
    """Ask `url` over this many connections, each with one request at a time. Raises LoadError."""
    wrk = shutil.which("wrk")
    command = [wrk] if wrk else [sys.executable, "-m", "bench.generator"]
    # wrk takes whole seconds.
    seconds = max(1, round(duration_s))
    command += ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in (fields or {}).items():
        command += ["-H", f"{name}: {value}"]
    ran = subprocess.run(
        pinned(core, [*command, url]),
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
