"""The conditions of a configured route, and how its path is taken apart."""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Final

from middlewares.routing.matching.paths import ambiguous, segments
from middlewares.routing.matching.patterns import Pattern

_VALUE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WILDCARD: Final = "*."


@dataclass(frozen=True, slots=True)
class Exact:
    """The value has to be this one, to the byte."""

    value: str

    def holds(self, value: bytes) -> bool:
        return value == self.value.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Present:
    """The field or member has to be there, with any value."""

    def holds(self, value: bytes) -> bool:
        return True


Condition = Exact | Present | Pattern


@dataclass(frozen=True, slots=True)
class Shape:
    """A path or prefix by segment; None is a value of a template, and `names` says where each stands.

    A path that ends with a slash has an empty last segment; a prefix has none.
    """

    segments: tuple[str | None, ...]
    names: tuple[tuple[str, int], ...]
    is_prefix: bool

    @property
    def literals(self) -> int:
        """How many segments are not a template's values."""
        return sum(1 for segment in self.segments if segment)


@dataclass(frozen=True, slots=True)
class Match:
    """Says which requests a route takes: those for which all of it holds.

    `host` is exact or `*.` and a name, without a port. `path` may be a template such as `/orders/{id}`;
    without `path` and `prefix`, every path is taken. Names in `headers` are in lower case.
    `as_is`: paths that others may read differently are taken too.
    """

    host: str | None = None
    path: str | None = None
    prefix: str | None = None
    methods: frozenset[str] | None = None
    headers: Mapping[str, Condition] = field(default_factory=dict)
    query: Mapping[str, Condition] = field(default_factory=dict)
    as_is: bool = False

    @property
    def shape(self) -> Shape:
        """The path by segment. Raises ValueError for one that parse_path would refuse."""
        if self.path is not None:
            return parse_path(self.path, as_is=self.as_is)
        return parse_prefix(self.prefix or "/", as_is=self.as_is)

    @property
    def identity(self) -> Hashable:
        """Equal for routes that take the same requests, whatever the values of a template are called."""
        shape = self.shape
        return (
            host_name(self.host or ""),
            shape.segments,
            shape.is_prefix,
            self.methods,
            frozenset(self.headers.items()),
            frozenset(self.query.items()),
        )


def parse_path(text: str, *, as_is: bool = False) -> Shape:
    """Take an exact path or a template apart; raises ValueError with a message for who wrote it."""
    _check(text, "path", as_is=as_is)
    parts: list[str | None] = []
    names: list[tuple[str, int]] = []
    for raw, segment in zip(text[1:].split("/"), segments(text), strict=True):
        value = _VALUE.fullmatch(raw)
        if value is None:
            if "{" in raw or "}" in raw:
                raise ValueError(f'a value such as {{id}} must be a whole segment, "{raw}" is not')
            parts.append(segment)
            continue
        if value[1] in dict(names):
            raise ValueError(f"a template must name each value once, {{{value[1]}}} stands twice")
        names.append((value[1], len(parts)))
        parts.append(None)
    return Shape(tuple(parts), tuple(names), is_prefix=False)


def parse_prefix(text: str, *, as_is: bool = False) -> Shape:
    """Take a prefix apart; raises ValueError with a message for who wrote it."""
    _check(text, "prefix", as_is=as_is)
    if "{" in text or "}" in text:
        raise ValueError("a prefix must have no values such as {id}; a path may have them")
    parts = segments(text)
    return Shape(tuple(parts if parts[-1] else parts[:-1]), (), is_prefix=True)


def _check(text: str, what: str, *, as_is: bool) -> None:
    if not text.startswith("/"):
        raise ValueError(f"a {what} must begin with /")
    if "?" in text:
        raise ValueError(f"a {what} must have no query; `query` has conditions on it")
    reason = ambiguous(text.replace(" ", "%20"))  # people write spaces as they are
    if reason is not None and not as_is:
        raise ValueError(f"a {what} must not be ambiguous: {reason}")


def host_name(authority: bytes | str) -> str:
    """The host in lower case, without its port and without the dot that may end a full name."""
    if isinstance(authority, bytes):
        authority = authority.decode("latin-1")
    name = authority.lower()
    if "@" in name:  # an absolute form may name a user
        name = name.rpartition("@")[2]
    if name[:1] == "[":
        return _ipv6(name[1:].partition("]")[0])
    if ":" in name:
        name = name[: name.index(":")]
    return name.removesuffix(".")


def _ipv6(address: str) -> str:
    """The address in its one canonical spelling (RFC 5952), in brackets."""
    try:
        return f"[{IPv6Address(address)}]"
    except ValueError:
        return f"[{address}]"


def wildcard_suffix(host: str) -> str | None:
    """`example.com` of `*.example.com`; None for an exact host."""
    return host_name(host)[len(_WILDCARD) :] if host.startswith(_WILDCARD) else None
