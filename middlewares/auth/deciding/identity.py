"""Who a client is: what a way of authentication has found out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from middlewares.limits.deciding import Policy

#: The longest subject, in bytes of UTF-8.
MOST_SUBJECT_BYTES: Final = 256

#: The value of a claim: text, a number, true or false, or a list of these.
Claim = str | int | float | bool | tuple[str | int | float | bool, ...]

_NO_CLAIMS: Mapping[str, Claim] = {}


def is_scope(text: str) -> bool:
    """Whether the text can stand in a list with spaces between scopes; some providers use more than ASCII."""
    return bool(text) and text.isprintable() and " " not in text


def checked_subject(subject: str) -> str:
    """The subject; ValueError if it is empty, not printable or too long.

    Spaces around it are refused: no field has them, so it would reach an instance as another subject.
    """
    if not subject or not subject.isprintable():
        raise ValueError("the subject is empty, or has characters that can't be printed")
    if subject != subject.strip():
        raise ValueError("the subject has spaces around it")
    if len(subject.encode("utf-8", "surrogatepass")) > MOST_SUBJECT_BYTES:
        raise ValueError(f"the subject has more than {MOST_SUBJECT_BYTES} bytes")
    return subject


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """An authenticated client.

    `way` is the name of the way in the file, `method` its type, such as `jwt`. `lines` are more
    lines for the request to the instance, each with its CRLF. `limit` is the client's own, beside those of
    its route. `ends_s`: the Unix time from which it is no longer valid; None: it has no end.
    """

    way: str
    method: str
    subject: str
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Claim] = field(default_factory=lambda: _NO_CLAIMS)
    ends_s: float | None = None
    lines: bytes = b""
    limit: Policy | None = None
    #: What limits and caches know the client by; no client can choose that of another.
    key: str = field(init=False)
    #: X-Auth-* and `lines`, as they go to an instance.
    sent_lines: bytes = field(init=False)

    def __post_init__(self) -> None:
        checked_subject(self.subject)
        if not all(map(is_scope, self.scopes)):
            raise ValueError("a scope has characters that none may have")
        hashed = hashlib.blake2b(f"{self.way}\0{self.subject}".encode(), digest_size=16)
        object.__setattr__(self, "key", "subject:" + hashed.hexdigest())
        scopes = " ".join(sorted(self.scopes))
        added = (
            f"X-Auth-Subject: {self.subject}\r\n"
            f"X-Auth-Scopes: {scopes}\r\n"
            f"X-Auth-Method: {self.method}\r\n"
        )
        object.__setattr__(self, "sent_lines", added.encode() + self.lines)
