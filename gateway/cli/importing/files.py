"""Reads the files to import, within bounds."""

import sys
from glob import iglob
from itertools import islice
from pathlib import Path

from gateway.cli.importing.model import Place, Unreadable

MAX_BYTES = 2 * 1024 * 1024
MAX_FILES = 100
STDIN = "-"


def read(file: str) -> str:
    """The text of a file, or of standard input. OSError: it can't be read; Unreadable: it is not UTF-8."""
    if file == STDIN:
        return decoded(sys.stdin.buffer.read(MAX_BYTES + 1), file)
    with Path(file).open("rb") as opened:
        return decoded(opened.read(MAX_BYTES + 1), file)


def named(file: str) -> str:
    """The file as comments and messages name it."""
    return "<stdin>" if file == STDIN else file


def decoded(data: bytes, file: str) -> str:
    """The bytes as text, without a byte order mark."""
    if len(data) > MAX_BYTES:
        raise Unreadable(
            Place(named(file), 1), f"the file is larger than {MAX_BYTES // 1024**2} MiB"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Place(named(file), before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Unreadable(place, f"the byte 0x{data[error.start]:02x} is not UTF-8") from None


class Included:
    """The files that a file may include: those in its own folder and below."""

    def __init__(self, main: str) -> None:
        self._folder = None if main == STDIN else Path(main).parent
        self._left = MAX_FILES

    def find(self, pattern: str, place: Place) -> list[str] | None:
        """The files that a pattern means, in order; None if it leads out of the folder."""
        if self._folder is None or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            return None
        if "**" in pattern:
            return None
        root = self._folder.resolve()
        try:
            names = sorted(islice(iglob(pattern, root_dir=self._folder), MAX_FILES + 1))
            paths = [self._folder / name for name in names]
            found = [one for one in paths if one.is_file() and one.resolve().is_relative_to(root)]
        except (OSError, ValueError):  # no pattern of file names
            return None
        self._left -= len(found)
        if self._left < 0:
            raise Unreadable(place, f"more than {MAX_FILES} files are included")
        return [str(one) for one in found]
