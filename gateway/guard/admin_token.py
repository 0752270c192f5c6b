"""ADMIN_TOKEN and ADMIN_TOKEN_FILE: checks on a token before it is used."""

import os
import re
from pathlib import Path

from discovery.model.errors import SettingsError
from gateway.guard.privacy import require_privacy

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
            require_privacy(os.fstat(file.fileno()), path)
            return check_token(file.read().removesuffix("\n"))
    except (OSError, UnicodeDecodeError) as error:
        why = f"can't be read: {error}"
    except ValueError as error:
        why = str(error)
    raise SettingsError(f"ADMIN_TOKEN_FILE={str(path)!r}: {why}")
