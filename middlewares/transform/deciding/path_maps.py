"""Maps paths as a service knows them to the paths that its clients use."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from middlewares.routing.matching.paths import decoded
from middlewares.routing.rewriting import Rewrite, ToPath, ToPrefix, encoded

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_REST: Final = "{rest}"
_REMEMBERED: Final = 4096


class PathMap(Protocol):
    """The way back from a rewritten path."""

    def outside(self, path: str) -> str | None:
        """The client's path; None: clients have none that leads there."""
        ...

    def scope(self, path: str) -> str | None:
        """The path of a cookie for clients: all that is below a path, or that clients have of it."""
        ...


@dataclass(frozen=True, slots=True)
class PrefixMap:
    """A beginning of the service's paths, and what clients have in its place; neither ends with a slash."""

    inner: str
    outer: str

    def outside(self, path: str) -> str | None:
        if _is_below(path, self.outer) and (
            _is_below(self.outer, self.inner) or not _is_below(path, self.inner)
        ):
            return path  # the service knows of the prefix, as by X-Forwarded-Prefix
        if not _is_below(path, self.inner):
            return None
        return (self.outer + path[len(self.inner) :]) or "/"

    def scope(self, path: str) -> str | None:
        outside = self.outside(path)
        if outside is None:
            is_above = _is_below(self.inner, path.rstrip("/"))
            return self.outer or "/" if is_above else None
        # `/shop/` would not hold for `/shop` (RFC 6265 §5.1.4).
        whole = path.rstrip("/") == self.inner
        return outside.rstrip("/") or "/" if whole else outside


@dataclass(frozen=True, slots=True)
class TemplateMap:
    """A template of the service's paths, and that of clients' paths with the same names."""

    inner: tuple[str, ...]
    outer: tuple[str, ...]

    def outside(self, path: str) -> str | None:
        parts = path.removesuffix("/").split("/")
        if len(parts) != len(self.inner):
            return None
        values: dict[str, str] = {}
        for part, wanted in zip(parts, self.inner, strict=True):
            name = _PARAMETER.fullmatch(wanted)
            if name is None:
                if decoded(part) != decoded(wanted):
                    return None
            elif not part or values.setdefault(name[1], part) != part:
                return None
        made = [_filled(wanted, values) for wanted in self.outer]
        return "/".join(made) + ("/" if path.endswith("/") else "")

    def scope(self, path: str) -> str | None:
        return self.outside(path)


def _filled(wanted: str, values: dict[str, str]) -> str:
    name = _PARAMETER.fullmatch(wanted)
    return wanted if name is None else encoded(decoded(values[name[1]]))


def _is_below(path: str, beginning: str) -> bool:
    return path == beginning or path.startswith((beginning + "/", beginning + "?"))


@lru_cache(_REMEMBERED)
def path_map(
    hidden: str, rewrite: Rewrite | None, path: str | None, prefix: str | None, segment: str = ""
) -> PathMap | None:
    """The map of a route; None: clients use the paths that the service knows.

    `hidden` is what the service does not see at the beginning; `path` and `prefix` are those of its match.
    `segment` is one behind the prefix that the service does not see, such as `v2`.
    """
    more = f"/{segment}" if segment else ""
    begins = (hidden if prefix is None else prefix).rstrip("/")
    if isinstance(rewrite, ToPath):
        return _of_template(rewrite.text, path, begins + more)
    if isinstance(rewrite, ToPrefix):
        return PrefixMap(rewrite.prefix.rstrip("/"), begins + more)
    if more and path is None:
        return PrefixMap(begins[len(hidden) :], begins + more)
    return PrefixMap("", hidden) if hidden else None


def _of_template(text: str, path: str | None, outside: str) -> PathMap | None:
    if path is None:
        return PrefixMap(text.removesuffix(_REST).rstrip("/"), outside)
    inner, outer = text.rstrip("/").split("/"), path.rstrip("/").split("/")
    if not _names(outer) <= _names(inner):
        return _NOWHERE
    return TemplateMap(tuple(inner), tuple(outer))


def _names(parts: list[str]) -> set[str]:
    return {found[1] for part in parts if (found := _PARAMETER.fullmatch(part))}


class _Nowhere:
    """No path of the service has a client's path."""

    def outside(self, path: str) -> str | None:
        return None

    def scope(self, path: str) -> str | None:
        return None


_NOWHERE: Final = _Nowhere()
