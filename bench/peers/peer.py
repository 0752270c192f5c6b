"""What the measurements know of a peer."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: `make bench` installs the peers that come as wheels here.
WHEELS = Path(".venv-bench").resolve()

#: The path prefix that a peer strips if it does the same work.
SMALL = "/api/bench"
STREAM = "/api/stream"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a peer listens, its origins, and where it may write."""

    port: int
    small_port: int
    stream_port: int
    folder: Path

    def write(self, name: str, text: str) -> str:
        """Write a configuration file, and return its path."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line with its environment."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """One program in one configuration.

    `same_work`: it strips a prefix, writes a JSON access log, adds a request ID to the request and
    the response, and keeps metrics or a limit, as Lockgate does. Otherwise it only passes requests on.
    """

    name: str
    version: str
    same_work: bool
    launch: Callable[[Site], Launch]

    @property
    def title(self) -> str:
        return f"{self.name}, {'same work' if self.same_work else 'bare'}"


def find(name: str) -> str | None:
    """A program of the wheels, or on PATH (with the directories where Debian keeps servers)."""
    in_wheels = WHEELS / "bin" / name
    for inside in (*WHEELS.glob(f"lib/python*/site-packages/{name}/_bin/{name}"), in_wheels):
        if inside.is_file():
            return str(inside)
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def version_of(command: Sequence[str], *, word: str) -> str:
    """The text behind `word` in a program's version message."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    said = ran.stdout + ran.stderr
    return said.partition(word)[2].strip().split()[0].strip("/, ") if word in said else "?"
