"""The cookies of a way: their names, their reading, and the Set-Cookie lines (RFC 6265)."""

import re
from collections.abc import Iterable
from typing import Final

#: Browsers keep at most 4096 bytes of a cookie's name, value and attributes together.
MOST_COOKIE_BYTES: Final = 4096
#: Cookies that one session may be split into.
MOST_PARTS: Final = 5
#: Log-ins that one browser may have begun; others are forgotten when one more begins.
MOST_LOGINS: Final = 5

#: Browsers keep a cookie named `__Host-` only with these, and give it to its own host alone.
_PREFIX = "__Host-lockgate."
_ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax"
#: Room for the value beside the attributes, with a Max-Age of ten digits.
_VALUE_BYTES = MOST_COOKIE_BYTES - len(_ATTRIBUTES + "; Max-Age=0123456789") - 1

_COUNTED = re.compile(r"([1-5])\.([A-Za-z0-9_-]+)")
_VALUE = re.compile(r"[A-Za-z0-9_-]+")


class TooLarge(ValueError):
    """A session does not go into the cookies that a browser keeps."""


class Names:
    """The names of one way's cookies."""

    def __init__(self, way: str) -> None:
        self.session = f"{_PREFIX}{way}"
        #: What the names of the other parts, and of all log-ins, begin with.
        self.others = f"{self.session}."
        self.logins = f"{self.session}.login-"

    def part(self, number: int) -> str:
        """The name of a part of the session; the first part is number 0."""
        return self.session if number == 0 else f"{self.others}{number}"

    def login(self, state: str) -> str:
        """The name of the cookie of one log-in, by its `state`."""
        return f"{self.logins}{state[:16]}"

    def has(self, name: str) -> bool:
        """Whether a cookie is one of these."""
        return name == self.session or name.startswith(self.others)

    def is_part(self, name: str) -> bool:
        """Whether a cookie is a part of the session."""
        return self.has(name) and not name.startswith(self.logins)


def pairs_of(field: bytes) -> list[tuple[str, str]]:
    """The cookies of a Cookie field, in order."""
    pairs = []
    for piece in field.decode("latin-1").split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            pairs.append((name.strip(" \t"), value.strip(" \t")))
    return pairs


def read_session(field: bytes, names: Names) -> str | None:
    """The value of the session's cookies, its parts joined; None if they are no whole.

    A cookie that comes twice is not taken: one of the two is somebody else's.
    """
    found: dict[str, str] = {}
    for name, value in pairs_of(field):
        if names.is_part(name):
            if name in found:
                return None
            found[name] = value
    first = _COUNTED.fullmatch(found.get(names.session, ""))
    if first is None:
        return None
    values = [first[2]]
    for number in range(1, int(first[1])):
        value = found.get(names.part(number), "")
        if not _VALUE.fullmatch(value):
            return None
        values.append(value)
    return "".join(values)


def read_login(field: bytes, names: Names, state: str) -> str | None:
    """The value of the cookie of the log-in with this state; None if it is not there once."""
    name = names.login(state)
    found = [value for one, value in pairs_of(field) if one == name]
    return found[0] if len(found) == 1 else None


def session_lines(value: str, names: Names, max_age_s: int, sent: Iterable[str] = ()) -> list[str]:
    """The Set-Cookie values that keep a session; cookies of it that were `sent` and are not needed end.

    Raises TooLarge.
    """
    room = _VALUE_BYTES - len(names.part(MOST_PARTS)) - len("5.")
    parts = [value[begin : begin + room] for begin in range(0, len(value), room)]
    if len(parts) > MOST_PARTS:
        raise TooLarge(f"a session of {len(value)} bytes does not go into {MOST_PARTS} cookies")
    kept = {names.part(number): part for number, part in enumerate(parts)}
    kept[names.session] = f"{len(parts)}.{parts[0]}"
    lines = [set_line(name, part, max_age_s) for name, part in kept.items()]
    return lines + end_lines(name for name in sent if names.is_part(name) and name not in kept)


def login_lines(value: str, names: Names, state: str, sent: Iterable[str], ttl_s: int) -> list[str]:
    """The Set-Cookie values that keep a log-in; if many have begun already, those end."""
    others = [name for name in sent if name.startswith(names.logins)]
    ended = others if len(others) >= MOST_LOGINS else []
    return [set_line(names.login(state), value, ttl_s), *end_lines(ended)]


def logout_lines(names: Names, sent: Iterable[str]) -> list[str]:
    """The Set-Cookie values that end every part of the session that was sent."""
    return end_lines(filter(names.is_part, sent))


def end_lines(sent: Iterable[str]) -> list[str]:
    """The Set-Cookie values that end these cookies."""
    return [set_line(name, "", 0) for name in dict.fromkeys(sent)]


def set_line(name: str, value: str, max_age_s: int) -> str:
    """One Set-Cookie value."""
    return f"{name}={value}{_ATTRIBUTES}; Max-Age={max(0, max_age_s)}"


def without(field: bytes, names: Names) -> bytes:
    """A Cookie field without these cookies, which may leave nothing."""
    pieces = field.split(b";")
    kept = [piece for piece in pieces if not names.has(_name_of(piece))]
    return field if len(kept) == len(pieces) else b";".join(kept).strip(b" \t")


def _name_of(piece: bytes) -> str:
    return piece.partition(b"=")[0].strip(b" \t").decode("latin-1")
