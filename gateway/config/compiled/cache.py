"""What a file says of caches, in the form that the layer works with, and in words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gateway.config.compiled.levels import source_of
from gateway.config.file.cache import Cache, Stores
from middlewares.cache.policy import CachePolicy, StoreBounds

_Levels = Sequence[tuple[str, Cache | None]]


def cache_of(inherited: CachePolicy | None, section: Cache | None) -> CachePolicy | None:
    """The policy of a level that says `cache`: its keys win over the inherited ones; null: there is none."""
    if section is None:
        return None
    told = {key: _made(key, getattr(section, key)) for key in section.model_fields_set}
    return replace(inherited or CachePolicy(), **told)


def bounds_of(section: Stores) -> StoreBounds:
    return StoreBounds(section.memory_bytes, section.redis_bytes)


def rows(levels: _Levels, policy: CachePolicy | None) -> Iterator[tuple[str, Any, str]]:
    """Each key as the file has it, with its value and the level that says it.

    `levels` are those that say `cache`, the most specific one first; None is a null. Empty: no level says it.
    """
    if policy is None:
        if levels:
            yield "cache", None, levels[0][0]
        return
    for key in CachePolicy.__dataclass_fields__:
        name = Cache.model_fields[key].alias or key
        yield f"cache.{name}", _told(getattr(policy, key)), source_of(levels, key)


def _made(key: str, value: Any) -> Any:
    if key == "ignore_query":
        return frozenset(name.encode() for name in value)
    if key in ("ignore_headers", "vary_headers", "key_headers"):
        return frozenset(name.lower().encode("ascii") for name in value)
    if key == "targeted":
        return tuple(name.lower().encode("ascii") for name in value)
    return value


def _told(value: Any) -> Any:
    if isinstance(value, tuple):
        return [name.decode() for name in value]
    if isinstance(value, frozenset):
        return sorted(name.decode() for name in value)
    return value
