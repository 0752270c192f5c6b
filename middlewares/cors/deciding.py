"""Decides which pages may read a route's answers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

#: Any origin, method or field.
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """Which pages may read the answers of a route.

    An origin is `https://app.example`, `https://*.example` (any number of labels in front) or `*`, in
    lower case. `methods` and `headers` are what a preflight may ask for; `*` in them is any. `expose`
    are the fields of an answer that a page may read. `credentials` never holds for the origin `*`, since
    any page could then act in the user's name.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] = (ANY,)
    headers: tuple[str, ...] = (ANY,)
    expose: tuple[str, ...] = ()
    max_age_s: int = 600
    credentials: bool = False

    def admitting(self, origin: str) -> str | None:
        """The element of `origins` that admits an origin as a browser sends it; None if none does."""
        if origin in self.origins:
            return origin
        for one in self.origins:
            before, star, after = one.partition("*.")
            if star and _is_below(origin, before, after):
                return one
        return ANY if ANY in self.origins else None

    def takes_method(self, method: str) -> bool:
        return _takes(self.methods, method)


def _takes(allowed: Collection[str], asked: str) -> bool:
    return ANY in allowed or asked in allowed


def _is_below(origin: str, scheme: str, host: str) -> bool:
    """Whether the origin is the scheme (`https://`), at least one label, and the host with its port."""
    labels = origin[len(scheme) : -len(host) - 1]
    return (
        origin.startswith(scheme)
        and origin.endswith("." + host)
        and bool(labels)
        and all(labels.split("."))
        and not set(labels) & set("/:@[]")
    )
