"""Refuses files with secrets that others can read."""

import os
import stat
from pathlib import Path


def require_privacy(status: os.stat_result, path: Path) -> None:
    """Refuse a file that everybody can read, or, if it is ours, its group. ValueError: how to correct it.

    A secret that Kubernetes mounts for a user other than root (fsGroup) belongs to root, and only
    its group can read it.
    """
    group_may = bool(status.st_mode & stat.S_IRGRP) and status.st_uid == os.geteuid()
    if group_may or status.st_mode & stat.S_IROTH:
        raise ValueError(
            f"others can read it: `chmod 600 {path}`, or mount the secret with mode 0400"
        )
