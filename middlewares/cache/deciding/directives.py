"""What a request and an answer say about caching."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from middlewares.cache.deciding.cache_control import (
    MOST_SECONDS,
    OPEN_QUOTE,
    UNREADABLE,
    Directive,
    Value,
    field_names,
    read,
    seconds,
)
from middlewares.cache.deciding.lines import Lines
from middlewares.cache.deciding.structured import Item, dictionary


@dataclass(frozen=True, slots=True)
class RequestDirectives:
    """What a client accepts (RFC 9111 §5.2.1; stale-if-error: RFC 5861 §4).

    Where a directive stands twice or cannot be read, the value that lets less stored content through is taken.
    """

    no_cache: bool = False
    no_store: bool = False
    only_if_cached: bool = False
    max_age_s: float | None = None
    min_fresh_s: float | None = None
    #: Infinite where the client takes an answer however stale.
    max_stale_s: float | None = None
    stale_if_error_s: float | None = None


NO_DIRECTIVES = RequestDirectives()
#: More of Cache-Control or Pragma is not read: to read a whole head of directives takes 20 times what all else does.
_MOST_BYTES = 4096


def request_directives(
    cache_control: Sequence[bytes], pragma: Sequence[bytes]
) -> RequestDirectives:
    """Read the lines of Cache-Control; without any, Pragma: no-cache says the same as no-cache (RFC 9111 §5.4).

    Lines that are too long to be read say all that they might say against stored content.
    """
    if sum(map(len, cache_control or pragma)) > _MOST_BYTES:
        only_if_cached = any(b"only-if-cached" in line.lower() for line in cache_control)
        return RequestDirectives(no_cache=True, no_store=True, only_if_cached=only_if_cached)
    if not cache_control:
        if pragma and any(name == b"no-cache" for name, _ in read(pragma)):
            return RequestDirectives(no_cache=True)
        return NO_DIRECTIVES
    flags: set[bytes] = set()
    times: dict[bytes, float] = {}
    for name, value in read(cache_control):
        if name in _REQUEST_FLAGS:
            flags.add(name)
        elif name == b"min-fresh":
            times[name] = max(times.get(name, 0.0), _or(seconds(value), MOST_SECONDS))
        elif name in _REQUEST_TIMES:
            read_s = float("inf") if value is None and name == b"max-stale" else seconds(value)
            times[name] = min(times.get(name, float("inf")), _or(read_s, 0.0))
    return RequestDirectives(
        no_cache=b"no-cache" in flags,
        no_store=b"no-store" in flags,
        only_if_cached=b"only-if-cached" in flags,
        max_age_s=times.get(b"max-age"),
        min_fresh_s=times.get(b"min-fresh"),
        max_stale_s=times.get(b"max-stale"),
        stale_if_error_s=times.get(b"stale-if-error"),
    )


_REQUEST_FLAGS = frozenset({b"no-cache", b"no-store", b"only-if-cached"})
_REQUEST_TIMES = frozenset({b"max-age", b"max-stale", b"stale-if-error"})


@dataclass(frozen=True, slots=True)
class ResponseDirectives:
    """What an answer allows (RFC 9111 §5.2.2; RFC 5861; immutable: RFC 8246).

    A time that cannot be read is 0, one that stands twice is the shorter one (RFC 9111 §4.2.1). What forbids
    holds however it is written; what permits holds only where it is well-formed. `no_cache_fields` and
    `private_fields` are the fields that the directives of these names are limited to. `is_targeted`: a targeted
    field took the place of Cache-Control and Expires (RFC 9213 §2.2).
    """

    max_age_s: float | None = None
    s_maxage_s: float | None = None
    stale_while_revalidate_s: float | None = None
    stale_if_error_s: float | None = None
    no_store: bool = False
    no_cache: bool = False
    no_cache_fields: frozenset[bytes] = frozenset()
    is_private: bool = False
    private_fields: frozenset[bytes] = frozenset()
    is_public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    immutable: bool = False
    is_targeted: bool = False
    #: Whether an answer to one who told who they are may go to others (RFC 9111 §3.5).
    is_for_all: bool = False


def response_directives(lines: Lines, targeted: Sequence[bytes]) -> ResponseDirectives:
    """Read the first of the targeted fields that says something, else Cache-Control."""
    for target in targeted:
        if found := lines.get(target):
            is_surrogate = target == b"surrogate-control"
            directives = tuple(
                _surrogate(found) if is_surrogate else _structured(b", ".join(found))
            )
            if directives:
                return _response(directives, is_targeted=True)
    found = lines.get(b"cache-control")
    return _SAYS_NOTHING if not found else _response(read(found), is_targeted=False)


_SAYS_NOTHING = ResponseDirectives()
_TIMES = frozenset({b"max-age", b"s-maxage", b"stale-while-revalidate", b"stale-if-error"})
_FORBIDS = frozenset({b"no-store", b"must-revalidate", b"proxy-revalidate", b"must-understand"})
_FOR_ALL = frozenset({b"public", b"must-revalidate", b"s-maxage"})
_LIMITED = frozenset({b"no-cache", b"private"})


def _response(directives: Iterable[Directive], *, is_targeted: bool) -> ResponseDirectives:
    times: dict[bytes, float] = {}
    flags: set[bytes] = set()
    limited: dict[bytes, frozenset[bytes]] = {}
    permitted: set[bytes] = set()
    for name, value in directives:
        if (seconds(value) is not None) if name == b"s-maxage" else (value is None):
            permitted.add(name)
        if name in _TIMES:
            times[name] = min(times.get(name, MOST_SECONDS), _or(seconds(value), 0.0))
        elif name in _LIMITED:
            if (names := field_names(value)) is None:
                flags.add(name)
            else:
                limited[name] = limited.get(name, frozenset()) | names
        elif name in _FORBIDS:
            flags.add(name)
        elif name == OPEN_QUOTE:
            # What follows may be the inside of a string: it is no reason to keep an answer fresh, or to share it.
            times[b"max-age"] = times[b"s-maxage"] = 0.0
            flags.add(name)
    if OPEN_QUOTE in flags:
        permitted.clear()
    return ResponseDirectives(
        max_age_s=times.get(b"max-age"),
        s_maxage_s=times.get(b"s-maxage"),
        stale_while_revalidate_s=times.get(b"stale-while-revalidate"),
        stale_if_error_s=times.get(b"stale-if-error"),
        no_store=b"no-store" in flags,
        no_cache=b"no-cache" in flags,
        no_cache_fields=limited.get(b"no-cache", frozenset()),
        is_private=b"private" in flags,
        private_fields=limited.get(b"private", frozenset()),
        is_public=b"public" in permitted,
        must_revalidate=b"must-revalidate" in flags,
        proxy_revalidate=b"proxy-revalidate" in flags,
        must_understand=b"must-understand" in flags,
        immutable=b"immutable" in permitted,
        is_targeted=is_targeted,
        is_for_all=not permitted.isdisjoint(_FOR_ALL),
    )


def _structured(value: bytes) -> Iterator[Directive]:
    """Yield the directives of a targeted field; none if it is empty or no dictionary: it is ignored then."""
    for name, item in (dictionary(value) or {}).items():
        if item is not False:
            yield name, _as_value(name, item)


def _as_value(name: bytes, item: Item) -> Value:
    if item is True:
        return None
    if isinstance(item, int):
        return b"%d" % item
    if name in _TIMES or item is None:
        return UNREADABLE
    return b",".join(item) if isinstance(item, tuple) else item


#: A directive without a value that is for one surrogate.
_DIRECTED = re.compile(rb"((?:^|,)[ \t]*+[a-z-]++);", re.IGNORECASE)


def _surrogate(lines: Iterable[bytes]) -> Iterator[Directive]:
    """Yield the directives of Surrogate-Control (W3C Edge Architecture, §3).

    One that is for another surrogate (`;name`) is left out, with a value or without. `max-age=60+30` may be used
    stale for 30 seconds more.
    """
    for name, value in read(_DIRECTED.sub(rb"\1=;", line.replace(b"; ", b";")) for line in lines):
        if not isinstance(value, bytes):
            yield name, value
            continue
        plain, _, target = value.partition(b";")
        if target.strip() not in (b"", b"lockgate"):
            continue
        fresh, plus, extra = plain.partition(b"+")
        yield name, None if target and not plain else fresh.strip()
        if plus and name == b"max-age":
            yield b"stale-while-revalidate", extra.strip()


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
