"""The machine that the figures were measured on."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.load import generator
from bench.peers.peer import Peer
from bench.report import Report
from gateway.machine import interpreter

LIBRARIES = ("aiohttp", "httptools", "uvloop", "orjson", "redis")


def describe(report: Report, python: str, peers: Sequence[Peer]) -> None:
    report.title("Machine and versions")
    memory = psutil.virtual_memory().total / 1024**3
    load_1, load_5, _ = os.getloadavg()
    rows = [
        ("processor", f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("load average before", f"{load_1:.2f}, {load_5:.2f}"),
        ("gateway's Python", python_of(python)),
        ("libraries", _libraries(python)),
        ("load", generator()),
        *{peer.name: (peer.name, peer.version) for peer in peers}.values(),
    ]
    report.table(("", ""), rows)


def python_of(python: str) -> str:
    """Describe the interpreter by this checkout's rule: another one may have no such module."""
    asked = (
        "import platform, runpy;"
        f"name = runpy.run_path({interpreter.__file__!r})['description']();"
        "print(f'{name}; built {platform.python_build()[1]} by {platform.python_compiler()}')"
    )
    ran = subprocess.run(
        [python, "-c", asked], capture_output=True, text=True, timeout=20, check=False
    )
    return ran.stdout.strip()


def _libraries(python: str) -> str:
    asked = f"import importlib.metadata as m; print(*[n + ' ' + m.version(n) for n in {LIBRARIES!r}], sep=', ')"
    ran = subprocess.run(
        [python, "-c", asked], capture_output=True, text=True, timeout=20, check=False
    )
    return ran.stdout.strip() or f"aiohttp {version('aiohttp')}"


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
