"""The cases of http-cache-tests that Lockgate ends otherwise than the suite says, and why."""

from pathlib import Path

#: Where they are explained at length.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

_AGE = "RFC 9111 §5.1: the first of several values counts, and an invalid one is ignored"
_CLOSED = "no cache passes it: the origin's number is asked of an answer that the origin never gave"
_SET_COOKIE = (
    "an answer with Set-Cookie is not shared, or, where the route says so, without the field"
)
_PARTIAL = "RFC 9111 §3.3: a cache need not keep parts of an answer"

EXPLAINED: dict[str, str] = {
    "age-parse-nonnumeric": _AGE,
    "age-parse-negative": _AGE,
    "age-parse-float": _AGE,
    "age-parse-prefix-twoline": _AGE,
    "age-parse-dup-0": _AGE,
    "age-parse-dup-0-twoline": _AGE,
    "age-parse-dup-old": _AGE,
    "age-parse-parameter": _AGE,
    "age-parse-numeric-parameter": _AGE,
    "stale-close-must-revalidate": _CLOSED,
    "stale-close-proxy-revalidate": _CLOSED,
    "stale-close-no-cache": _CLOSED,
    "stale-close-s-maxage=2": _CLOSED,
    "headers-store-Set-Cookie": _SET_COOKIE,
    "304-etag-update-response-Set-Cookie": _SET_COOKIE,
    "headers-store-Transfer-Encoding": "RFC 9112 §6.1: only who knows a transfer coding can take it off",
    "304-etag-update-response-ETag": "RFC 9111 §4.3.4: a 304 with another strong ETag updates nothing",
    "method-POST": "RFC 9111 §3: a cache need not keep an answer to a POST",
    "vary-normalise-lang-select": "RFC 9111 §4.1: a cache need not choose a language for the service",
    "conditional-lm-fresh-no-lm": "RFC 9111 §4.3.2: a Date after If-Modified-Since makes no 304",
    "other-set-cookie": _SET_COOKIE,
    "partial-store-partial-reuse-partial": _PARTIAL,
    "partial-store-partial-reuse-partial-byterange": _PARTIAL,
    "partial-store-partial-reuse-partial-absent": _PARTIAL,
    "partial-store-partial-reuse-partial-suffix": _PARTIAL,
    "partial-store-partial-complete": _PARTIAL,
}
