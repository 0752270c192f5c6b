"""The files of TLS that a REDIS_URL names: each must be there, and a key must be private."""

import os
import stat
from pathlib import Path
from urllib.parse import parse_qsl

from ..base.privacy import require_privacy
from .errors import SettingsError

_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def check_files(url: str) -> None:
    """Raise SettingsError if one can't be read, or others can read the key."""
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("rediss"):
        return
    named = dict(parse_qsl(rest.partition("?")[2]))
    for parameter in _FILES:
        if path := named.get(parameter):
            try:
                _check(Path(path), is_key=parameter == "ssl_keyfile")
            except OSError as error:
                why = f"can't be read: {error.strerror}"
            except ValueError as error:
                why = str(error)
            else:
                continue
            raise SettingsError(f"REDIS_URL: {parameter}={path}: {why}")


def _check(path: Path, *, is_key: bool) -> None:
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("is no regular file")
    if is_key:
        require_privacy(status, path)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
