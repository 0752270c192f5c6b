"""The primary key: what one answer is kept under.

Each part has its length in front, so two requests with one key are the same in all parts.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote_to_bytes

from middlewares.cache.entry import FieldLine

#: As safe from collisions that somebody looks for as a cipher with a key of 128 bits.
DIGEST_BYTES: Final = 32


def digest(parts: Iterable[bytes]) -> bytes:
    """A hash of the parts and their order."""
    return blake2b(joined(parts), digest_size=DIGEST_BYTES).digest()


def joined(parts: Iterable[bytes]) -> bytes:
    """The parts with the length of each in front: no other parts give the same bytes."""
    return b"".join([b"%d:%b" % (len(part), part) for part in parts])


def route_fingerprint(*parts: str) -> bytes:
    """What a route decides of a request: its name, service, prefix, host and rewrite, as text each."""
    return digest([part.encode("utf-8", "surrogateescape") for part in parts])


def primary_key(
    route: bytes, scheme: str, host: bytes, target: str, fields: bytes, subject: bytes, body: bytes
) -> bytes:
    """The key of a request; `route` is its fingerprint and `fields` the part of its fields.

    `body` is empty for a request that has none.
    """
    sent = target.encode("utf-8", "surrogateescape")
    data = b"%b%b:%d:%b%d:%b%d:%b%d:%b%d:%b" % (
        *(route, scheme.encode("ascii"), len(host), host, len(sent), sent),
        *(len(fields), fields, len(subject), subject, len(body), body),
    )
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def key_of_fields(fields: Sequence[FieldLine]) -> bytes:
    """The part of these fields in a key, with names in lower case; only the order of lines of one name counts."""
    if not fields:
        return b""
    ordered = fields if len(fields) == 1 else sorted(fields, key=_name)
    return joined([part for field in ordered for part in field])


def _name(field: FieldLine) -> bytes:
    return field[0]


def without_members(target: str, ignored: frozenset[bytes]) -> str:
    """The target without the members of its query that are ignored; the rest stays as it came.

    A member goes whole, so whatever another reader finds in it reaches nobody.
    """
    path, mark, query = target.partition("?")
    if not mark:
        return target
    members = query.split("&")
    kept = [member for member in members if _name_in(member) not in ignored]
    if len(kept) == len(members):
        return target
    return f"{path}?{'&'.join(kept)}" if kept else path


def _name_in(member: str) -> bytes:
    name = member.partition("=")[0]
    return unquote_to_bytes(name) if "%" in name else name.encode("utf-8", "surrogateescape")
