"""Which URLs a request may have changed, so that what is kept of them is dropped (RFC 9111 §4.4)."""

from collections.abc import Sequence
from itertools import islice
from typing import Final
from urllib.parse import urljoin, urlsplit

from middlewares.cache.deciding.keys import without_members
from middlewares.cache.entry import FieldLine

#: The methods that the registry of methods calls safe; any other one may change something.
SAFE: Final = frozenset(
    ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH", "PRI"]
)
#: Fields that name another URL whose representation has changed.
_NAMING: Final = frozenset([b"location", b"content-location"])
#: Each answer has one of either; of those that have thousands the first ones count.
_MOST_NAMED: Final = 8
_SUCCESS: Final = range(200, 400)
_OWN_PORTS: Final = {"http": 80, "https": 443}


def invalidated(
    method: str,
    status: int,
    url: bytes,
    fields: Sequence[FieldLine],
    ignored: frozenset[bytes] = frozenset(),
) -> tuple[bytes, ...]:
    """The URLs that an answer invalidates: none unless an unsafe method has succeeded.

    `url` is the request's: scheme, host and target. The members of a query in `ignored` are in the URLs of no
    kept answers, so they are left out. Location and Content-Location count where they are of
    the same origin; another service could empty the cache of this one otherwise.
    """
    if method in SAFE or status not in _SUCCESS:
        return ()
    naming = (value for name, value in fields if name.lower() in _NAMING)
    named = [_of_the_same_origin(url, value) for value in islice(naming, _MOST_NAMED)]
    urls = (url, *filter(None, named))
    return tuple(dict.fromkeys(without_ignored(one, ignored) for one in urls))


def without_ignored(url: bytes, ignored: frozenset[bytes]) -> bytes:
    """A URL as what is kept of it is found."""
    if not ignored:
        return url
    text = url.decode("utf-8", "surrogateescape")
    return without_members(text, ignored).encode("utf-8", "surrogateescape")


def _of_the_same_origin(url: bytes, reference: bytes) -> bytes | None:
    """The URL that a field refers to, written like the request's own; None: of another origin, or not valid."""
    base = url.decode("latin-1")
    try:
        named = urlsplit(urljoin(base, reference.strip().decode("latin-1")))
        own = urlsplit(base)
        if (named.scheme, named.hostname, _port(named.scheme, named.port)) != (
            own.scheme,
            own.hostname,
            _port(own.scheme, own.port),
        ):
            return None
    except ValueError:
        return None
    target = (named.path or "/") + ("?" + named.query if named.query else "")
    return f"{own.scheme}://{own.netloc}{target}".encode("latin-1")


def _port(scheme: str, port: int | None) -> int | None:
    return port if port is not None else _OWN_PORTS.get(scheme)
