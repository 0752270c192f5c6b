"""Worker processes that share a port are one instance: its id, its first and its last process."""

import asyncio
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ..base.forking import tell_of_forks
from ..model.ids import new_instance_id

#: How long to wait for a last process that is leaving: a few calls of the registry at most.
JOINS_WITHIN_S = 5.0
_POLL_S = 0.01


def place_id(name: str, host: str, port: int) -> str:
    """The id of whatever serves `name` at this port of this machine, or of this container.

    All processes that can share the port get the same id: they have the same kernel and the same
    network namespace. So a process that comes back after a crash replaces its old registration.
    Where the place or the lock file is unknown, the id is a new one.
    """
    place = _place()
    if place is None or _folder() is None:
        return new_instance_id(name)
    return f"{name}-{_digest(place, f'{host}:{port}')[:12]}"


class Sharers:
    """The processes of this machine that keep one instance registered: each locks the same file.

    The kernel releases the lock of a process however it ends. Without a file, each process is alone.
    """

    def __init__(self, registry: str, key: str) -> None:
        self._name = _digest(_place() or "", registry, key)
        self._path: Path | None = None
        self._file = -1
        self._last = True
        self._left_as_last = False
        #: A process of an earlier group may have left its registration behind.
        self.takes_over = False
        tell_of_forks(self)

    async def join(self, record: str) -> bool:
        """Join the others; True where they have not registered this `record`, or nobody is there.

        It waits for a last process that is just leaving, so that the deregistration comes first.
        """
        with suppress(OSError):  # no room, say, a file system without locks, or it took too long
            async with asyncio.timeout(JOINS_WITHIN_S):
                return await self._join(_digest(record).encode())
        self.forked()
        return True

    async def _join(self, digest: bytes) -> bool:
        folder = _folder()
        self._path = folder and folder / self._name
        while self._path is not None:
            self.forked()
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            is_new = self._lock(fcntl.LOCK_EX)
            if is_new:
                self.takes_over = not self._left_as_last and os.pread(self._file, 1, 0) != b""
                os.pwrite(self._file, digest, 0)  # before others can read it
            if self._lock(fcntl.LOCK_SH) and self._is_in_place():
                if os.pread(self._file, len(digest), 0) != digest:
                    is_new = True
                    os.pwrite(self._file, digest, 0)
                return is_new
            await asyncio.sleep(_POLL_S)  # the last process of the earlier group is leaving
        return True

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Leave; yields True to the last process. Nobody can join inside the block."""
        if self._file >= 0 and self._last:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._last = self._left_as_last = self._lock(fcntl.LOCK_EX)
        try:
            yield self._last
        finally:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Remove the file; only the last process does."""
        is_last = self._file >= 0 and self._last and self._lock(fcntl.LOCK_EX)
        if is_last and self._path is not None and self._is_in_place():
            self._path.unlink(missing_ok=True)
        self.forked()

    def forked(self) -> None:
        """Drop the file in a forked child: the lock is its parent's."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        self._last = True

    def _lock(self, kind: int) -> bool:
        """Lock the file, alone or shared; False where that is not possible now."""
        with suppress(BlockingIOError):
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
            return True
        return False

    def _is_in_place(self) -> bool:
        with suppress(OSError):
            return self._path is not None and os.path.samestat(
                self._path.stat(), os.fstat(self._file)
            )
        return False


@cache
def _place() -> str | None:
    """This boot of the kernel and this network namespace; known on Linux alone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/net').stat().st_ino}"
    except OSError:
        return None


def _folder() -> Path | None:
    """This user's folder for the locks; None where there can't be one."""
    with suppress(OSError):  # where nothing can be written at all, no temporary folder is found
        folder = Path(tempfile.gettempdir()) / f"lockgate-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        others_write = stat.S_IMODE(about.st_mode) & 0o022
        if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not others_write:
            return folder
    return None


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
