"""An immutable map with cheap changed copies, however large it is."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

V = TypeVar("V")

_BUCKETS = 256


class PersistentMap(Mapping[str, V]):
    """A copy shares what does not change: a change copies one bucket of 256.

    Readers of an older map keep it as it was. The order means nothing.
    """

    __slots__ = ("_buckets", "_size")

    def __init__(self, items: Mapping[str, V]) -> None:
        buckets: list[dict[str, V]] = [{} for _ in range(_BUCKETS)]
        for key, value in items.items():
            buckets[hash(key) % _BUCKETS][key] = value
        self._buckets = buckets
        self._size = len(items)

    def with_item(self, key: str, value: V) -> "PersistentMap[V]":
        return self._changed(key, {**self._bucket(key), key: value})

    def without(self, key: str) -> "PersistentMap[V]":
        """The map without the key; the same object where the key is not there."""
        if key not in self:
            return self
        bucket = dict(self._bucket(key))
        del bucket[key]
        return self._changed(key, bucket)

    # The hop looks services up here, so these two are as short as possible.

    def get(self, key: str, default: Any = None) -> Any:
        return self._buckets[hash(key) % _BUCKETS].get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._buckets[hash(key) % _BUCKETS]

    def __getitem__(self, key: str) -> V:
        return self._bucket(key)[key]

    def __iter__(self) -> Iterator[str]:
        for bucket in self._buckets:
            yield from bucket

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"PersistentMap({dict(self)!r})"

    def _bucket(self, key: str) -> dict[str, V]:
        return self._buckets[hash(key) % _BUCKETS]

    def _changed(self, key: str, bucket: dict[str, V]) -> "PersistentMap[V]":
        changed: PersistentMap[V] = PersistentMap.__new__(PersistentMap)
        changed._buckets = self._buckets.copy()
        changed._buckets[hash(key) % _BUCKETS] = bucket
        changed._size = self._size + len(bucket) - len(self._bucket(key))
        return changed


def persistent(items: Mapping[str, V]) -> PersistentMap[V]:
    """The items as a PersistentMap; the same object where they are one already."""
    return items if isinstance(items, PersistentMap) else PersistentMap(items)
