"""Reads an htpasswd file with bcrypt or argon2 lines."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final, Literal

from middlewares.auth.deciding.identity import checked_subject

Kind = Literal["bcrypt", "argon2"]

#: A check may take this much, so that nobody waits for minutes: 2**14 rounds of bcrypt are a second.
MOST_BCRYPT_COST: Final = 14
MOST_ARGON2_KIB: Final = 256 * 1024
MOST_ARGON2_PASSES: Final = 16
MOST_ARGON2_LANES: Final = 16

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=(?P<kib>[0-9]{1,9}),t=(?P<passes>[0-9]{1,9}),"
    r"p=(?P<lanes>[0-9]{1,9})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}"
)
#: What else is found in such files, and how it is told.
_OTHERS = (
    ("$apr1$", "MD5"),
    ("$1$", "MD5"),
    ("$5$", "SHA-256 crypt"),
    ("$6$", "SHA-512 crypt"),
    ("$2x$", "a faulty bcrypt"),
    ("{SHA}", "SHA-1"),
    ("{SSHA}", "salted SHA-1"),
)
_MAKE = "`htpasswd -B FILE NAME` makes a bcrypt line"


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash of a password, as the file has it."""

    kind: Kind
    text: bytes = field(repr=False)


Users = tuple[tuple[str, Hashed], ...]


def parse_users(data: bytes) -> Users:
    """The users of a file in its order, each with the hash of the password.

    Raises ValueError with every mistake in it, each with the number of its line; none shows a hash.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {place} is not UTF-8") from None
    users: dict[str, Hashed] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        try:
            name, hashed = _user(line, users)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
        else:
            users[name] = hashed
    if wrong:
        raise ValueError("; ".join(wrong))
    return tuple(users.items())


def normal(name: str) -> str:
    """The name as it is compared: the same letters may be written in two ways (RFC 8265 §3.4.2)."""
    return unicodedata.normalize("NFC", name)


def _user(line: str, before: Container[str]) -> tuple[str, Hashed]:
    name, colon, rest = line.partition(":")
    if not colon:
        raise ValueError("must be NAME:HASH")
    name = normal(checked_subject(name))
    if name in before:
        raise ValueError("this user has a line already")
    return name, _hashed(rest)


def _hashed(text: str) -> Hashed:
    if found := _BCRYPT.fullmatch(text):
        if not 4 <= int(found["cost"]) <= MOST_BCRYPT_COST:
            raise ValueError(f"the cost of bcrypt must be from 4 to {MOST_BCRYPT_COST}")
        return Hashed("bcrypt", text.encode())
    if found := _ARGON2.fullmatch(text):
        _check_argon2(int(found["kib"]), int(found["passes"]), int(found["lanes"]))
        return Hashed("argon2", text.encode())
    if text.startswith(("$2a$", "$2b$", "$2y$", "$argon2")):
        raise ValueError("the hash is cut off, or has other characters")
    for beginning, kind in _OTHERS:
        if text.startswith(beginning):
            raise ValueError(f"{kind} is too weak: bcrypt and argon2 are read here; {_MAKE}")
    raise ValueError(f"no hash of bcrypt or argon2; {_MAKE}")


def _check_argon2(kib: int, passes: int, lanes: int) -> None:
    if not 1 <= lanes <= MOST_ARGON2_LANES:
        raise ValueError(f"p of argon2 must be from 1 to {MOST_ARGON2_LANES}")
    if not 1 <= passes <= MOST_ARGON2_PASSES:
        raise ValueError(f"t of argon2 must be from 1 to {MOST_ARGON2_PASSES}")
    if not 8 * lanes <= kib <= MOST_ARGON2_KIB:
        raise ValueError(f"m of argon2 must be from 8 times p to {MOST_ARGON2_KIB} (KiB)")
