"""Reads log files like `tail -F`: their last lines, then new ones, across rotations."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, count, islice
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 64 * 1024
# The most that one look at a file reads, so that a flood in one log does not delay the others.
READ_BYTES = 1024 * 1024


def last_lines(path: Path, most: int, *, after_byte: int = 0) -> list[str]:
    """The last lines, unfinished ones too, of what was added after `after_byte`."""
    try:
        with path.open("rb") as file:
            # A file that is shorter now was rotated, so all of it is new.
            floor = after_byte if after_byte <= path.stat().st_size else 0
            pieces = _backwards([file], floor=floor)
            lines = [line for line in (next(pieces), *islice(pieces, most)) if line]
    except FileNotFoundError:
        return []
    return [_text(line) for line in lines[:most][::-1]]


class FollowedFile:
    """A log file that is followed; `supervisord` rotates it by renaming it and opening a new one."""

    def __init__(self, path: Path, *, from_end: bool) -> None:
        """`new_lines` returns what is added from now on, or also what is there already."""
        self._path = path
        self._rest = b""
        self._file = self._opened()
        if self._file and from_end:
            end = self._file.seek(0, os.SEEK_END)
            unfinished = next(_backwards([self._file], end=end))
            self._file.seek(end - len(unfinished))
        self._begins_at = self._file.tell() if self._file else 0

    def earlier_lines(self) -> Generator[str]:
        """The lines before those of `new_lines`, rotated files included, the last line first.

        Call it before `new_lines`. It reads only as much as is asked for.
        """
        if self._file is None:
            return
        try:
            with ExitStack() as opened:
                files = chain([self._file], self._rotated(opened))
                for line in _backwards(files, end=self._begins_at):
                    if line.strip():
                        yield _text(line)
        finally:
            self._file.seek(self._begins_at)

    def new_lines(self) -> list[str]:
        data = self._read()
        if self._was_replaced():
            # First what was still written to the renamed file; a line may span both files.
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
        """Whether the file was truncated; then the next look reads from its beginning."""
        if self._file is None or self._file.tell() <= os.fstat(self._file.fileno()).st_size:
            return False
        self._file.seek(0)
        return True

    def _rotated(self, opened: ExitStack) -> Iterator[BinaryIO]:
        """The rotated files, the newest first; a file that is renamed meanwhile counts once."""
        seen = [self._file]
        for number in count(1):
            path = self._path.with_name(f"{self._path.name}.{number}")
            try:
                file = opened.enter_context(path.open("rb"))
            except FileNotFoundError:
                return
            if not any(_is_same(file, one) for one in seen if one is not None):
                seen.append(file)
                yield file


def _backwards(
    files: Iterable[BinaryIO], *, floor: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """The lines of consecutive files, the newest file first, the last line first.

    The first item is what follows the last line end, often nothing. The newest file is read only up
    to `end`.
    """
    rest = b""
    for file in files:
        start = file.seek(0, os.SEEK_END) if end is None else end
        end = None
        while start > floor:
            before = start
            start = max(floor, start - CHUNK_BYTES)
            file.seek(start)
            rest, *lines = (file.read(before - start) + rest).split(b"\n")
            yield from reversed(lines)
    yield rest


def _is_same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
