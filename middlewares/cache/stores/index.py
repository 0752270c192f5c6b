"""Finds keys by what their answers have in common: a URL, or a tag."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet


class Index:
    """Which keys stand under a term; most terms have one key, so that only the others get a set."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[bytes, bytes | set[bytes]] = {}

    def add(self, terms: Iterable[bytes], key: bytes) -> None:
        """Put the key under each term."""
        for term in terms:
            found = self._keys.setdefault(term, key)
            if isinstance(found, set):
                found.add(key)
            elif found != key:
                self._keys[term] = {found, key}

    def discard(self, terms: Iterable[bytes], key: bytes) -> None:
        """Take the key from under each term."""
        for term in terms:
            found = self._keys.get(term)
            if isinstance(found, set):
                found.discard(key)
            if found == key or not found:
                self._keys.pop(term, None)

    def change(self, before: AbstractSet[bytes], after: AbstractSet[bytes], key: bytes) -> None:
        """Have the key under other terms."""
        if before != after:
            self.discard(before - after, key)
            self.add(after - before, key)

    def keys(self, term: bytes) -> list[bytes]:
        """The keys under a term."""
        found = self._keys.get(term)
        if found is None:
            return []
        return list(found) if isinstance(found, set) else [found]

    def __len__(self) -> int:
        return len(self._keys)
