"""Decodes what the registry holds; a record that is not valid is left out, with a warning."""

import re
from typing import Any

from ..base.steps import Steps, slices
from ..model.answers import Record, Snapshot
from ..model.errors import InvalidRegistration
from ..model.instance import Instance, check_name, decode
from .left_out import LeftOut

#: The last moment of the year 9999, which is the last that RFC 3339 can name.
MOST_MS = 253_402_300_799_999

#: As lua/common.lua accepts them: floating point can't count exactly in longer ones.
_WHOLE_NUMBER = re.compile(rb"[0-9]{1,15}")
_TTL_MS = re.compile(rb"[0-9]{1,7}")


def text(value: bytes | str) -> str:
    """Decode UTF-8; invalid bytes are escaped, so that different values stay different."""
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")


def line(value: bytes | str) -> str:
    """Make text from anyone safe to show: one line, and no control characters for a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text(value))


def revision_of(value: bytes | None) -> int:
    """A stored revision; 0 where it is not one, as in the scripts."""
    return int(value) if value is not None and _WHOLE_NUMBER.fullmatch(value) else 0


def time_ms(value: bytes | float) -> int:
    """A time in Unix ms; raises InvalidRegistration where the number can't be one."""
    try:
        unix_ms = int(float(value))
    except (ValueError, OverflowError):
        unix_ms = -1
    if not 0 <= unix_ms <= MOST_MS:
        raise InvalidRegistration(f"{value!r:.60} is not a time in milliseconds")
    return unix_ms


def decode_value(key: str, value: bytes) -> tuple[Instance, int, bool]:
    """(instance, registered at in ms, draining) of an entry of the `instances` hash.

    Raises InvalidRegistration when the entry is not valid.
    """
    parts = value.split(b" ", 3)
    if len(parts) != 4 or not (_WHOLE_NUMBER.fullmatch(parts[0]) and _TTL_MS.fullmatch(parts[1])):
        raise InvalidRegistration("the record is not one of Lockgate's")
    return decode(key, parts[3]), time_ms(parts[0]), parts[2] == b"draining"


def decoding_snapshot(reply: Any, left_out: LeftOut) -> Steps[Snapshot]:
    """Decode what the script of `snapshot` returned: 10 ms for each thousand instances."""
    epoch, revision, last_event_id, now_ms, gateways, instances, known, *keys = reply
    removed, probation, lapsed = (frozenset(map(text, some)) for some in keys)
    records: list[Record] = []
    for some in slices(zip(*[iter(instances)] * 4, strict=True)):
        records += (record for one in some if (record := _record(one, left_out)) is not None)
        yield
    return Snapshot(
        epoch=text(epoch),
        revision=revision,
        last_event_id=text(last_event_id),
        now_ms=int(now_ms),
        live_gateways=gateways,
        records=tuple(records),
        known=_known(known, left_out),
        removed=removed,
        probation=probation,
        lapsed=lapsed,
    )


def _record(fields: tuple[bytes, bytes, bytes, bytes], left_out: LeftOut) -> Record | None:
    member, value, lapses_at_ms, status = fields
    key = text(member)
    try:
        instance, registered_at_ms, draining = decode_value(key, value)
        lapses = time_ms(lapses_at_ms)
    except InvalidRegistration as error:
        left_out.say(key, str(error))
        return None
    return Record(instance, registered_at_ms, lapses, draining, _status(status))


def _status(value: bytes) -> str:
    return text(value) if value in (b"healthy", b"unhealthy") else "starting"


def _known(pairs: list[bytes], left_out: LeftOut) -> dict[str, int]:
    known = {}
    for name, went_at_ms in zip(pairs[::2], pairs[1::2], strict=True):
        service = text(name)
        try:
            check_name(service)
            known[service] = time_ms(went_at_ms)
        except InvalidRegistration as error:
            left_out.say(service, str(error))
    return known
