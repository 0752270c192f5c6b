"""The cases of http-cache-tests that Lockgate ends otherwise than the suite says, and why."""

from pathlib import Path

#: Where they are explained at length.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

_AGE = "RFC 9111 §5.1: of several values the first counts, and one that is invalid is ignored"
_SET_COOKIE = (
    "an answer with Set-Cookie is not kept, or, where the route says so, without the field"
)
_PARTIAL = "RFC 9111 §3.3: a cache need not keep a part of an answer"

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
    "headers-store-Set-Cookie": _SET_COOKIE,
    "304-etag-update-response-Set-Cookie": _SET_COOKIE,
    "other-set-cookie": _SET_COOKIE,
    "partial-store-partial-reuse-partial": _PARTIAL,
    "partial-store-partial-reuse-partial-byterange": _PARTIAL,
    "partial-store-partial-reuse-partial-absent": _PARTIAL,
    "partial-store-partial-reuse-partial-suffix": _PARTIAL,
    "partial-store-partial-complete": _PARTIAL,
}
