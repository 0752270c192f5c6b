"""How a route's answers are remembered."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """The settings of one route's cache; times are seconds, names are in lower case.

    `default_ttl_s`, `stale_while_revalidate_s` and `stale_if_error_s` hold for an answer that says nothing
    about them, the last two only for one that is fresh at all. `object_bytes` is the largest body that is
    kept. The members of a query in `ignore_query` and the fields in `ignore_headers` are in no key, and no
    instance sees them. Those in `vary_headers` (`*`: all) are left to Vary: an instance sees them, and only
    what Vary names tells answers apart, as RFC 9111 §4.1 says. Those in `key_headers` (`*`: all that HTTP
    does not define) are in the key, though nothing in their name says that a service may answer by them. `by`
    says who shares an answer. `strip_set_cookie`: an answer with Set-Cookie is kept, and all get it without.
    `targeted` are the fields that take the place of Cache-Control (RFC 9213), the strongest first.
    """

    stores: Literal["memory", "redis"] = "memory"
    default_ttl_s: float = 0.0
    stale_while_revalidate_s: float = 0.0
    stale_if_error_s: float = 0.0
    object_bytes: int = 1024 * 1024
    ignore_query: frozenset[bytes] = frozenset()
    ignore_headers: frozenset[bytes] = frozenset()
    vary_headers: frozenset[bytes] = frozenset()
    key_headers: frozenset[bytes] = frozenset()
    by: Literal["everyone", "subject"] = "everyone"
    strip_set_cookie: bool = False
    targeted: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreBounds:
    """The most bytes that each store keeps, with all overhead: of one worker, and in Redis for all gateways."""

    memory_bytes: int = 64 * 1024 * 1024
    redis_bytes: int = 256 * 1024 * 1024
