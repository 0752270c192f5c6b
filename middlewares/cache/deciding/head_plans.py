"""How heads with the same names are read: clients send the same fields again and again, with other values."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from middlewares.cache.deciding.field_kinds import (
    CONNECTION,
    CREDENTIAL,
    HOST,
    KEYED,
    LEFT,
    TRACE,
    TRUSTED,
    UNSENT,
    VIA,
)
from middlewares.cache.deciding.keys import key_of_fields

#: A longer value of a field that is left to Vary is in the key: it is there to make a service fail.
ORDINARY_BYTES: Final = 2048
#: What names no field that an instance must not see.
_NAMES_NOTHING: Final = frozenset([b"keep-alive", b"close"])
_AN_ID: Final = re.compile(rb"[A-Za-z0-9_.:;,=@/+-]{0,256}")
_READ_HERE: Final = frozenset(
    [CONNECTION, CREDENTIAL, HOST, KEYED, LEFT, TRACE, TRUSTED, UNSENT, VIA]
)
#: What the gateway calls itself in Via.
PSEUDONYM: Final = b"lockgate"


class HeadPlan(NamedTuple):
    """Places of lines in a head: those in the key with their names in lower case, those that are left to Vary
    only if they look like an ID, and those of Connection and of Via. `is_careful`: the lines must be read one by
    one.
    """

    keyed: tuple[tuple[int, bytes], ...]
    traces: tuple[int, ...]
    connections: tuple[int, ...]
    vias: tuple[int, ...]
    has_credentials: bool
    looks_at_values: bool
    is_careful: bool = False

    def key_of(self, block: bytes) -> bytes | None:
        """The key of the fields in a block of lines; None: its lines must be read one by one."""
        if self.is_careful or len(block) > ORDINARY_BYTES:
            return None
        if not self.looks_at_values:
            return b""
        lines = block.split(b"\r\n")
        for place in self.connections:
            if _value(lines[place]).lower() not in _NAMES_NOTHING:
                return None
        for place in self.vias:
            if PSEUDONYM in lines[place]:
                return None
        for place in self.traces:
            if _AN_ID.fullmatch(_value(lines[place])) is None:
                return None
        return key_of_fields([(name, _value(lines[place])) for place, name in self.keyed])


_CAREFUL: Final = HeadPlan((), (), (), (), False, False, is_careful=True)


def looks_like_an_id(value: bytes) -> bool:
    """Whether a value is one of those that tell requests apart and nothing else."""
    return _AN_ID.fullmatch(value) is not None


def plan_of(
    names: Sequence[bytes],
    kinds: Mapping[bytes, int],
    *,
    trusted: bool,
    removed: frozenset[bytes],
    keys_credentials: bool,
) -> HeadPlan:
    """The plan for heads with these names, in their order."""
    keyed: list[tuple[int, bytes]] = []
    traces: list[int] = []
    connections: list[int] = []
    vias: list[int] = []
    has_credentials = False
    for place, name in enumerate(names):
        kind = kinds[name]
        if kind not in _READ_HERE:
            return _CAREFUL
        has_credentials = has_credentials or kind == CREDENTIAL
        if name.lower().replace(b"_", b"-") in removed:
            continue
        if (
            kind == KEYED
            or (kind == CREDENTIAL and keys_credentials)
            or (kind == TRUSTED and trusted)
        ):
            keyed.append((place, name.lower()))
        elif kind == TRACE:
            traces.append(place)
        elif kind == CONNECTION:
            connections.append(place)
        elif kind == VIA:
            vias.append(place)
    looks = bool(keyed or traces or connections or vias)
    return HeadPlan(
        tuple(keyed), tuple(traces), tuple(connections), tuple(vias), has_credentials, looks
    )


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].strip(b" \t")
