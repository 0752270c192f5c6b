"""What a deciding service is told, what its answer means, and what a decision is remembered by."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from middlewares.auth.deciding.identity import checked_subject
from middlewares.auth.ways.forward.spec import ForwardSpec
from middlewares.hygiene.deciding import FieldLine

#: A client gets at most this much of the service's answer.
MOST_BODY_BYTES: Final = 1024 * 1024
#: The fields that an instance gets may have so many bytes together.
MOST_TAKEN_BYTES: Final = 16 * 1024
#: The subject of whoever is admitted without a name.
NAMELESS: Final = "anonymous"

#: RFC 9110 §7.6.1: these describe one connection, not the message.
_HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer"
    b" transfer-encoding upgrade".split()
)
#: The gateway writes these itself.
_OURS: Final = frozenset([b"content-length", b"x-correlation-id"])
#: RFC 6749 §3.3.
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Admitted:
    """The service admits the request; `lines` go to the instance, each with its CRLF."""

    subject: str
    lines: bytes
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Passed:
    """The service's answer goes to the client, with these fields."""

    status: int
    fields: tuple[FieldLine, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The service has not decided; the reason is for the log."""

    why: str


def lines_to_send(spec: ForwardSpec, fields: Sequence[FieldLine]) -> list[FieldLine]:
    """The fields of a request that the service gets, in their order; names in lower case."""
    send = spec.send
    return [(lower, value) for name, value in fields if (lower := name.lower()) in send]


def remembered_by(
    secret: bytes,
    spec: ForwardSpec,
    lines: Sequence[FieldLine],
    *,
    method: str,
    scheme: str,
    host: bytes,
    target: str,
    client: str,
) -> bytes | None:
    """The key of a decision about this request; None: it is not remembered.

    It is a hash with a secret, since the lines are credentials. The query is part of the path, since the
    service sees it. Without any line the service may decide by the client's address, so that is part
    of the key then.
    """
    if spec.by_credential:
        if not lines:
            return None  # nothing says whose decision it would be
        parts: list[bytes] = []
    else:
        where = target.encode("utf-8", "surrogateescape")
        parts = [method.encode(), scheme.encode(), host.lower(), where]
        if not lines:
            parts.append(client.encode())
    for name, value in lines:
        parts.append(name)
        parts.append(value)
    said = b"\n".join(parts)
    if said.count(b"\n") >= len(parts):
        return (
            None  # no request has one within a part; with one, two requests could be the same bytes
        )
    return blake2b(said, key=secret, digest_size=32).digest()


def judged(
    spec: ForwardSpec, status: int, fields: Sequence[FieldLine]
) -> Admitted | Passed | Failed:
    """What an answer of the service means."""
    if any(_CONTROL.search(value) for _, value in fields):
        return Failed("its answer has control characters in a field")
    if any(name.lower() == b"content-encoding" for name, _ in fields):
        return Failed("its answer has a coding that nobody has asked for")
    if 200 <= status <= 299:
        return _admitted(spec, fields)
    if 300 <= status <= 499:
        return Passed(status, tuple(_end_to_end(fields)))
    return Failed(f"it answers {status}")


def _admitted(spec: ForwardSpec, fields: Sequence[FieldLine]) -> Admitted | Failed:
    taken = [(name, value) for name, value in fields if name.lower() in spec.take]
    lines = b"".join([b"%b: %b\r\n" % line for line in taken])
    if len(lines) > MOST_TAKEN_BYTES:
        return Failed(f"the fields to take have more than {MOST_TAKEN_BYTES} bytes")
    said = [value for name, value in fields if name.lower() == spec.subject]
    if len(said) > 1:
        return Failed("its answer names more than one subject")
    scopes = b" ".join(value for name, value in fields if name.lower() == spec.scopes)
    try:
        subject = checked_subject(said[0].decode()) if said and said[0] else NAMELESS
        return Admitted(subject, lines, _scopes(scopes.decode("ascii")))
    except UnicodeDecodeError:
        return Failed("the subject is not UTF-8, or the scopes are not ASCII")
    except ValueError as error:
        return Failed(str(error))


def _scopes(text: str) -> frozenset[str]:
    found = frozenset(text.replace(",", " ").split())
    if not all(map(_SCOPE.fullmatch, found)):
        raise ValueError("a scope has characters that none may have")
    return found


def _end_to_end(fields: Sequence[FieldLine]) -> Iterable[FieldLine]:
    """The fields that are for the client, not for the connection that they came by."""
    named = {
        option.strip().lower()
        for name, value in fields
        if name.lower() == b"connection"
        for option in value.split(b",")
    }
    dropped = _HOP_BY_HOP | _OURS | named
    return ((name, value) for name, value in fields if name.lower() not in dropped)
