"""Tells when a file has other content, also when a symbolic link to it was replaced."""

import os
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
        stat = os.stat(path)
    except OSError:
        return None
    return Signature(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
