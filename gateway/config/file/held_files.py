"""Reads the files that the configuration file names: the one place of it that reads any others."""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.named_files import Wanted
from gateway.config.file.wording import quoted
from gateway.guard.privacy import require_privacy


@dataclass(frozen=True, slots=True)
class Held:
    """What a file or variable held, or the problem that it has in words.

    Two are equal if the one says what the other says; `data` is not shown, since it may be a secret.
    """

    digest: bytes = field(repr=False)
    problem: str = ""
    data: bytes = field(default=b"", repr=False, compare=False)

    def without_data(self) -> "Held":
        """As much as tells whether it has changed."""
        return Held(self.digest, self.problem)


def hold(wanted: Iterable[Wanted]) -> tuple[Held, ...]:
    """Read all of these; none makes it raise. It may wait for a slow disk."""
    return tuple(map(_hold, wanted))


def _hold(wanted: Wanted) -> Held:
    if wanted.file is None:
        return _of_variable(wanted.name)
    try:
        data = _read(wanted.file, wanted.is_secret)
    except OSError as error:
        return Held(b"", f"{wanted.file} can't be read: {error.strerror}")
    except ValueError as error:
        return Held(b"", f"{wanted.file}: {error}")
    return _holding(data)


def _of_variable(name: str) -> Held:
    value = os.environ.get(name)
    if not value:
        state = "is not set" if value is None else "is empty"
        return Held(b"", f"the variable {quoted(name)} {state}")
    return _holding(os.fsencode(value))


def _holding(data: bytes) -> Held:
    return Held(sha256(data).digest(), data=data)


def _read(path: Path, is_secret: Callable[[bytes], bool]) -> bytes:
    """The bytes of a regular file; a pipe might be waited for for ever. OSError, ValueError: in words."""
    with open(path, "rb", opener=_without_waiting) as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = opened.read(MAX_BYTES + 1)
        if is_secret(data):
            require_privacy(status, path)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 1024**2} MiB")
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
