"""Log files of limited size, rotated as supervisord does it: `NAME.1` is the one before, and so on."""

import itertools
from pathlib import Path

LOG_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 3


class RotatingFile:
    """Appends bytes to the file at `path`; begins a new one before it becomes too large."""

    def __init__(self, path: Path, most_bytes: int = LOG_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > self._most_bytes:
            self._file.close()
            rotate(self._path)
            self._file = self._path.open("ab", buffering=0)
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


def rotate_when_large(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        rotate(path)


def rotate(path: Path) -> None:
    """Rename the file to `NAME.1`; the oldest file is lost."""
    names = [path, *(path.with_name(f"{path.name}.{n}") for n in range(1, LOG_BACKUPS + 1))]
    for newer, older in reversed(list(itertools.pairwise(names))):
        if newer.exists():
            newer.replace(older)
