"""Reads the file, and tells when it has other content, also when a symbolic link to it was replaced."""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple


class Signature(NamedTuple):
    """What changes when a file is written, replaced, or linked anew; its links are followed."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def signature_of(path: Path) -> Signature | None:
    """None: nothing can be read there now, as between the two steps of a replacement."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Signature(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def read_regular(path: Path) -> bytes:
    """The bytes of a file; of one that is too large, enough to tell. Raises OSError.

    So does what is no regular file: a pipe may be waited for for ever, and when it is read again it is empty,
    which is a file without routes.
    """
    from gateway.config.file.bounds import MAX_BYTES

    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a folder has words of its own
        raise OSError(errno.EINVAL, "it is no regular file")
    with path.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)
