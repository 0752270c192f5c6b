"""ADMIN_TOKEN and ADMIN_TOKEN_FILE: checks on a token before it is used."""

import os
import re
import stat
from pathlib import Path

from discovery.model.errors import SettingsError

_ALLOWED = re.compile(r"\S{16,}")


def check_token(token: str) -> str:
    """The token; ValueError if it could be guessed, or looks like a mistake."""
    if not _ALLOWED.fullmatch(token):
        raise ValueError(
            "a token has at least 16 characters and no white space: `openssl rand -hex 24` makes one"
        )
    return token


def read_token(path: Path) -> str:
    """The token in a file, without the line end. SettingsError: one line."""
    try:
        with path.open(encoding="utf-8") as file:
            _require_privacy(os.fstat(file.fileno()), path)
            return check_token(file.read().removesuffix("\n"))
    except (OSError, UnicodeDecodeError) as error:
        why = f"can't be read: {error}"
    except ValueError as error:
        why = str(error)
    raise SettingsError(f"ADMIN_TOKEN_FILE={str(path)!r}: {why}")


def _require_privacy(status: os.stat_result, path: Path) -> None:
    """Refuse a file that everybody can read, or, if it is ours, its group.

    A secret that Kubernetes mounts for a user other than root (fsGroup) belongs to root, and only
    its group can read it.
    """
    group_may = bool(status.st_mode & stat.S_IRGRP) and status.st_uid == os.geteuid()
    if group_may or status.st_mode & stat.S_IROTH:
        raise ValueError(
            f"others can read it: `chmod 600 {path}`, or mount the secret with mode 0400"
        )
