"""What a file says of compression, in the form that the layer works with, and in words."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.config.compiled.levels import source_of
from gateway.config.file.compress import Compress
from middlewares.compress.policy import CompressPolicy

_Levels = Sequence[tuple[str, Compress | None]]
_KEYS = ("types", "over_bytes", "encodings", "event_streams")


def compress_of(section: Compress | None) -> CompressPolicy | None:
    """The policy by what all levels say together; None: nothing is compressed."""
    if section is None:
        return None
    return CompressPolicy(
        types=tuple(one.lower().encode("ascii") for one in section.types),
        over_bytes=section.over_bytes,
        encodings=tuple(one.encode("ascii") for one in section.encodings),
        levels=tuple(
            (one.encode("ascii"), getattr(section.level, one)) for one in section.encodings
        ),
        event_streams=section.event_streams,
    )


def rows(levels: _Levels, policy: CompressPolicy | None) -> Iterator[tuple[str, Any, str]]:
    """Each key as the file has it, with its value and the level that says it.

    `levels` are those that say `compress`, the most specific one first; None is a null. Empty: no level says it.
    """
    if policy is None:
        if levels:
            yield "compress", None, levels[0][0]
        return
    for key in _KEYS:
        name = Compress.model_fields[key].alias or key
        yield f"compress.{name}", _told(policy, key), source_of(levels, key)
    for encoding, level in policy.levels:
        yield f"compress.level.{encoding.decode()}", level, source_of(levels, "level")


def _told(policy: CompressPolicy, key: str) -> Any:
    value = getattr(policy, key)
    return [one.decode() for one in value] if isinstance(value, tuple) else value
