"""Compares a password with its hash. It takes a good part of a second, so it belongs in a thread."""

from typing import Final

import bcrypt
from argon2.exceptions import VerificationError
from argon2.low_level import Type, verify_secret

from middlewares.auth.ways.basic.htpasswd import Hashed

#: bcrypt is a hash of so many bytes: what is behind them never counted.
_BCRYPT_BYTES: Final = 72
_TYPES: Final = {b"argon2id": Type.ID, b"argon2i": Type.I, b"argon2d": Type.D}


def is_password(hashed: Hashed, password: str) -> bool:
    """Whether this is the password."""
    data = password.encode()
    if hashed.kind == "bcrypt":
        return bcrypt.checkpw(data[:_BCRYPT_BYTES], hashed.text)
    try:
        return verify_secret(hashed.text, data, _TYPES[hashed.text.split(b"$")[1]])
    except VerificationError:
        return False
