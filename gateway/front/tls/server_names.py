"""Which of several things a server name means: an exact name, a wildcard, or the default."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ByServerName(Generic[T]):
    """Values by name; of two for one name the first wins, and the very first is the default.

    A wildcard takes exactly one label (RFC 6125, section 6.4.3).
    """

    __slots__ = ("_default", "_exact", "_wildcards")

    def __init__(self, values: Iterable[tuple[Iterable[str], T]]) -> None:
        self._default: T | None = None
        self._exact: dict[str, T] = {}
        self._wildcards: dict[str, T] = {}
        for names, value in values:
            if self._default is None:
                self._default = value
            for name in names:
                if name.startswith("*."):
                    self._wildcards.setdefault(name[2:].lower(), value)
                else:
                    self._exact.setdefault(name.lower(), value)

    def get(self, name: str | None) -> T | None:
        """The value for a server name; None only where there is no value at all."""
        if name:
            name = name.lower().removesuffix(".")
            found = self._exact.get(name)
            if found is None:
                found = self._wildcards.get(name.partition(".")[2])
            if found is not None:
                return found
        return self._default

    @property
    def exact(self) -> Mapping[str, T]:
        return self._exact
