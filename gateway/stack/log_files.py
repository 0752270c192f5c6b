"""Log files read like `tail -F`: their last lines, then what is added, across rotations."""

import os
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 64 * 1024
# What one look at a file takes at most, so that a flood in one log does not silence the others.
READ_BYTES = 1024 * 1024


def last_lines(path: Path, count: int, *, after_byte: int = 0) -> list[str]:
    """The last whole or unfinished lines of a file, of what was added after `after_byte`."""
    try:
        with path.open("rb") as file:
            # A file that is shorter by now was rotated: all of it is new.
            floor = after_byte if after_byte <= path.stat().st_size else 0
            _start, data = _tail(file, count, floor)
    except FileNotFoundError:
        return []
    return [_text(line) for line in data.splitlines()]


class FollowedFile:
    """One log file; `supervisord` rotates by renaming it and opening a new one of that name."""

    def __init__(self, path: Path, tail: int) -> None:
        """The first `new_lines` gives the last `tail` lines that are there already."""
        self._path = path
        self._rest = b""
        self._file = self._opened()
        if self._file:
            start, _data = _tail(self._file, tail)
            self._file.seek(start)

    def new_lines(self) -> list[str]:
        data = self._read()
        if self._was_replaced():
            # What was still written to the renamed file comes first; a line may span both files.
            data += self._read()
            self.close()
            self._file = self._opened()
            data += self._read()
        elif self._was_truncated():
            self._rest = data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [_text(line) for line in lines if line.strip()]

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _opened(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None

    def _read(self) -> bytes:
        return self._file.read(READ_BYTES) if self._file else b""

    def _was_replaced(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:  # between the rename and the new file
            return False
        if self._file is None:
            return True
        here = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _was_truncated(self) -> bool:
        """Then reading goes on from the beginning, at the next look."""
        if self._file is None or self._file.tell() <= os.fstat(self._file.fileno()).st_size:
            return False
        self._file.seek(0)
        return True


def _tail(file: BinaryIO, count: int, floor: int = 0) -> tuple[int, bytes]:
    """Where the last `count` lines begin, and the bytes from there on."""
    end = start = file.seek(0, os.SEEK_END)
    if count == 0:
        return end, b""
    data = b""
    while start > floor and data.rstrip(b"\n").count(b"\n") < count:
        start = max(floor, start - CHUNK_BYTES)
        file.seek(start)
        data = file.read(end - start)
    keep = b"".join(data.splitlines(keepends=True)[-count:])
    return end - len(keep), keep


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
