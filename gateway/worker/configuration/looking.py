"""Looks whether files have changed since they were read."""

from collections.abc import Mapping
from pathlib import Path

from gateway.worker.configuration.signature import Signature, signature_of

#: After so many looks without a file it is told that it is gone; to replace one takes less.
GONE_AFTER_LOOKS = 10


class Looks:
    """The configuration file and those that it names, as they were before they were last read."""

    def __init__(self, file: Path, named: tuple[Path, ...]) -> None:
        self._file = file
        self._named = named
        #: None: it was not there. A file that is missing here may have changed since the start.
        self._read: Mapping[Path, Signature | None] = {}
        self._changing: Mapping[Path, Signature | None] | None = None
        self._missed = 0

    def about_to_read(self) -> None:
        """All of the files are read after this."""
        self._read = self._signatures()

    def about_to_read_named(self, named: tuple[Path, ...]) -> None:
        """The files that are named now are read after this; the file itself was read before."""
        self._named = named
        # What was looked at before the file was read is older, so no change meanwhile is missed.
        self._read = {path: self._read.get(path, signature_of(path)) for path in self._paths}

    def look(self) -> str:
        """Why they have to be read again, empty if they need not.

        A change counts once nothing has changed from one look to the next, since an editor may write in parts.
        """
        now = self._signatures()
        changed = [
            path for path, one in now.items() if path not in self._read or self._read[path] != one
        ]
        if any(now[path] is None for path in changed):
            return self._is_away(now)
        self._missed = 0
        if not changed or now != self._changing:
            self._changing = now
            return ""
        return (
            "the file has changed" if self._file in changed else "a file that it names has changed"
        )

    def _is_away(self, now: Mapping[Path, Signature | None]) -> str:
        self._changing = None
        self._missed += 1
        if self._missed < GONE_AFTER_LOOKS:
            return ""
        self._missed = 0
        return "the file is gone" if now[self._file] is None else "a file that it names is gone"

    def _signatures(self) -> dict[Path, Signature | None]:
        return {path: signature_of(path) for path in self._paths}

    @property
    def _paths(self) -> tuple[Path, ...]:
        return (self._file, *self._named)
