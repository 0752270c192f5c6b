"""What calls about the cache say, and what they are answered."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from gateway.endpoints.pooling.deciding.cache import ratio
from middlewares.cache.counting import CacheCounts
from middlewares.cache.purging.everywhere import Purged
from middlewares.cache.stores.store import Purge
from middlewares.failures import BadRequest

#: What is purged is named by a text of at most so many bytes.
MOST_BYTES = 8192
_KINDS: tuple[Literal["url", "prefix", "tag"], ...] = ("url", "prefix", "tag")
_KEYS = (*_KINDS, "soft")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_URL_RULE = "must be a URL such as https://shop.example.com/items/7, or /items/7 for every host"


def purges_of(body: object) -> list[Purge]:
    """What the body of `POST /cache/purge` asks for; raises BadRequest."""
    asked = _members(body)
    given = [kind for kind in _KINDS if kind in asked]
    if len(given) != 1:
        raise BadRequest(f"one of {', '.join(_KINDS)}, and one alone, must say what is purged")
    (kind,) = given
    value, soft = asked[kind], asked.get("soft", False)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{kind}: must be a text that is not empty")
    if len(value.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise BadRequest(f"{kind}: is longer than {MOST_BYTES} bytes")
    if not isinstance(soft, bool):
        raise BadRequest("soft: must be true or false")
    if kind == "tag":
        return [Purge("tag", _tag(value), soft)]
    return [Purge(kind, url, soft) for url in urls_of(value, kind)]


def urls_of(text: str, name: str = "url") -> list[bytes]:
    """The forms in which the cache may have a URL, which differ in its port; raises BadRequest."""
    if _UNPRINTABLE.search(text):
        raise BadRequest(f"{name}: has a space or a control character; percent-encode it")
    try:
        # What is not ASCII is sent percent-encoded by every client.
        text = quote(text.partition("#")[0], safe=_ASCII)
    except UnicodeEncodeError:
        raise BadRequest(f"{name}: has half of a character in it") from None
    if text.startswith("/"):
        return [text.encode("ascii")]
    try:
        scheme, host, *_ = parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"{name}: {_URL_RULE}: {error}") from None
    if scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in host:
        raise BadRequest(f"{name}: {_URL_RULE}")
    if "%" in host:
        raise BadRequest(f"{name}: its host must be in ASCII, as clients send it: xn--…")
    host, target = host.lower(), text.split("://", 1)[1][len(host) :]
    if not target.startswith("/"):
        target = f"/{target}"
    bare = host if host.endswith("]") else host.rpartition(":")[0] or host
    hosts = [f"{bare}:{port}"]
    if port in (None, _DEFAULT_PORTS[scheme]):
        hosts = [bare, f"{bare}:{_DEFAULT_PORTS[scheme]}"]
    return [f"{scheme}://{one}{target}".encode("ascii") for one in hosts]


def purged_document(purged: Purged) -> dict[str, Any]:
    """The answer; `unconfirmed` and `detail` are there only if the purge does not hold everywhere yet."""
    document: dict[str, Any] = {"purged": purged.count}
    if purged.untold:
        document["detail"] = (
            "it holds here, and everywhere once the registry can be told of it: " + purged.untold
        )
    elif purged.unconfirmed:
        document["unconfirmed"] = purged.unconfirmed
        document["detail"] = (
            f"{purged.unconfirmed} of the workers have not said in time that they have done it; "
            "they do as soon as they reach the registry"
        )
    return document


def counts_document(counts: CacheCounts) -> dict[str, Any]:
    """How a worker's cache has answered since it began, in all and by route."""
    routes = sorted({route for route, _ in (*counts.hits, *counts.misses, *counts.not_stored)})
    return {
        "hits": _by_second(counts.hits),
        "misses": _by_second(counts.misses),
        "hit_ratio": ratio(counts.hits.total(), counts.misses.total()),
        "collapsed": counts.collapsed.total(),
        "stored": counts.stored.total(),
        "not_stored": _by_second(counts.not_stored),
        "routes": {route: _of_route(counts, route) for route in routes},
    }


def _of_route(counts: CacheCounts, route: str) -> dict[str, Any]:
    hits, misses, not_stored = (
        sum(number for (name, _), number in some.items() if name == route)
        for some in (counts.hits, counts.misses, counts.not_stored)
    )
    return {
        "hits": hits,
        "misses": misses,
        "hit_ratio": ratio(hits, misses),
        "collapsed": counts.collapsed[route],
        "stored": counts.stored[route],
        "not_stored": not_stored,
    }


def _by_second(counts: "Counter[tuple[str, str]]") -> dict[str, int]:
    sums: Counter[str] = Counter()
    for (_, second), number in counts.items():
        sums[second] += number
    return dict(sorted(sums.items()))


def _members(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    for name in body:
        if name not in _KEYS:
            raise BadRequest(f"unknown key {name!r}; allowed: {', '.join(_KEYS)}")
    return body


def _tag(text: str) -> bytes:
    # What Surrogate-Key and Cache-Tag have between two tags can't be in one.
    if not text.isascii() or not text.isprintable() or set(text) & set(" ,"):
        raise BadRequest("tag: must be printable ASCII without spaces and commas")
    return text.encode("ascii")
