"""What each field of a request is to the cache, by its name.

HTTP leaves it to the service to name in Vary the fields that choose its answer (RFC 9110 §12.5.5). Services do so
for the fields that HTTP defines. Few do for their own, and whoever finds one of these stores his answer for
everybody. So fields of the second kind are in the key.
"""

import re
from typing import Final

from middlewares.cache.policy import CachePolicy
from middlewares.memory import Memory

(
    #: It is in the key.
    KEYED,
    #: It is left to Vary.
    LEFT,
    #: It is left to Vary if its value looks like an ID.
    TRACE,
    #: No shared request has it: it is ignored, of one connection, or the gateway's own.
    UNSENT,
    #: A trusted proxy's is in the key; no instance sees any other.
    TRUSTED,
    FORWARDED,
    CREDENTIAL,
    HOST,
    CONNECTION,
    UPGRADE,
    CACHE_CONTROL,
    PRAGMA,
    VIA,
    #: The place in Conditions is what is added to this.
    CONDITION,
) = range(14)

#: More names than these, or longer ones, are looked up each time.
NAMES: Final = 1024
NAME_BYTES: Final = 64
#: Every field that HTTP does not define is in the key.
EVERY: Final = b"*"

CONDITIONS: Final = (
    *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    *(b"range", b"if-range"),
)
_KINDS: Final = {
    **dict.fromkeys(
        # RFC 9110 §10.1 and §12.5, RFC 9218, client hints; and what browsers send of their user's wishes.
        b"accept accept-charset accept-datetime accept-encoding accept-language date device-memory dnt downlink"
        b" dpr early-data ect from max-forwards priority referer rtt save-data upgrade-insecure-requests"
        b" user-agent viewport-width width".split(),
        LEFT,
    ),
    **dict.fromkeys(
        b"b3 cf-ray request-id sentry-trace traceparent tracestate uber-trace-id x-amzn-trace-id"
        b" x-b3-flags x-b3-parentspanid x-b3-sampled x-b3-spanid x-b3-traceid x-client-trace-id"
        b" x-cloud-trace-context x-datadog-origin x-datadog-parent-id x-datadog-sampling-priority"
        b" x-datadog-trace-id x-ot-span-context x-request-id x-request-start x-trace-id".split(),
        TRACE,
    ),
    **dict.fromkeys(
        b"client-cert client-cert-chain content-length expect http2-settings keep-alive proxy-connection te"
        b" trailer transfer-encoding x-correlation-id x-forwarded-for x-forwarded-prefix"
        b" x-request-timeout".split(),
        UNSENT,
    ),
    **dict.fromkeys((b"authorization", b"proxy-authorization", b"x-api-key"), CREDENTIAL),
    **{name: CONDITION + place for place, name in enumerate(CONDITIONS)},
    b"cache-control": CACHE_CONTROL,
    b"connection": CONNECTION,
    b"forwarded": FORWARDED,
    b"host": HOST,
    b"pragma": PRAGMA,
    b"upgrade": UPGRADE,
    b"via": VIA,
    # These are HTTP's too, but services that answer by them often don't name them in Vary.
    **dict.fromkeys(
        b"a-im baggage cookie cookie2 depth if im origin overwrite prefer slug surrogate-capability"
        b" timeout".split(),
        KEYED,
    ),
}
_BY_PREFIX: Final = (
    (b"x-auth-", UNSENT),
    (b"x-forwarded-", TRUSTED),
    (b"sec-", LEFT),
    (b"x-", KEYED),
    (b"content-", KEYED),
    (b"accept-", KEYED),
)
#: No instance sees a field with `_` whose name with `-` is one of these.
_NOBODYS: Final = frozenset((UNSENT, TRUSTED, FORWARDED, HOST, CONNECTION, UPGRADE, VIA))
#: A name with one of these in it may be what a service answers by.
_TELLING: Final = re.compile(
    b"|".join(
        b"account action admin agent akamai auth backend base beta brand canary channel city client cloudfront"
        b" cluster cookie country csrf currency customer debug destination device domain email environment"
        b" experiment fastly feature flag format forward front gateway group hint host http internal lang locale"
        b" location login member method mobile mode number org origin override page param path permission plan"
        b" platform policy port prefix preview profile project proto proxy query real realm redirect region"
        b" remote resource return rewrite role root route scheme script secret secure segment server service"
        b" session shop site soap source stage store style subject switch tenant test theme tier time token"
        b" translate user variant variation version view visitor workspace xsrf zone".split()
    )
)
#: As one of the name's words.
_TELLING_WORDS: Final = frozenset(
    b"ab api app cf cl env geo id ip ips jwt key ott tls ssl uid uri url vip".split()
)


class FieldKinds(Memory[bytes, int]):
    """Remembers the kind of each field by its name as it comes; `kinds[name]` decides for a new one.

    A call for each field costs more than the lookup, so a loop over a section first counts all fields as hits.
    """

    __slots__ = ("_policy",)

    def __init__(self, policy: CachePolicy) -> None:
        super().__init__("cache_fields", entries=NAMES, entry_bytes=NAME_BYTES)
        self._policy = policy

    def __missing__(self, name: bytes) -> int:
        super().__missing__(name)
        return self.keep(name, kind_of(name.lower(), self._policy), len(name))


def kind_of(lower: bytes, policy: CachePolicy) -> int:
    """The kind of a field, by its name in lower case.

    What is ignored is not sent, whatever else is said of it; a name that is in `key_headers` is in the key.
    """
    kind = _kind_of(lower, every=EVERY in policy.key_headers)
    if kind in (HOST, CONNECTION, UPGRADE, VIA):
        return kind
    if lower in policy.ignore_headers:
        return UNSENT
    if kind in (LEFT, TRACE) and lower in policy.key_headers:
        return KEYED
    # The type, the coding and the language of a QUERY's body are in its key (RFC 10008).
    is_left = not lower.startswith(b"content-") and lower not in policy.key_headers
    if kind == KEYED and is_left:
        left = policy.vary_headers
        return LEFT if EVERY in left or lower in left else KEYED
    return kind


def _kind_of(lower: bytes, *, every: bool) -> int:
    if b"_" in lower:
        # CGI and WSGI read it as the name with `-`, so the gateway passes on nothing that looks like its own.
        as_read = _defined(lower.replace(b"_", b"-"))
        return UNSENT if as_read in _NOBODYS else KEYED
    kind = _defined(lower)
    if kind is not None:
        return kind
    # HTTP defines nothing with so long a name, and to search it takes as long.
    return KEYED if every or len(lower) > NAME_BYTES or _may_tell(lower) else LEFT


def _defined(lower: bytes) -> int | None:
    kind = _KINDS.get(lower)
    if kind is None:
        kind = next((of for prefix, of in _BY_PREFIX if lower.startswith(prefix)), None)
    return kind


def _may_tell(lower: bytes) -> bool:
    """Whether a field that HTTP does not define looks like one that a service answers by."""
    words = _TELLING_WORDS
    return _TELLING.search(lower) is not None or not words.isdisjoint(lower.split(b"-"))
