"""What a part is asked: the fields of the client's request that it gets, and what is left of the time."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from middlewares.routing.matching.paths import decoded

FieldLine = tuple[bytes, bytes]

#: What says how the client wants its own answer, or what its body is: a part answers with plain JSON, whole.
_NOT_FOR_PARTS: Final = frozenset(
    [
        b"accept",
        b"accept-encoding",
        b"cache-control",
        b"connection",
        b"content-digest",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-location",
        b"content-md5",
        b"content-range",
        b"content-type",
        b"digest",
        b"expect",
        b"http2-settings",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"keep-alive",
        b"pragma",
        b"proxy-connection",
        b"range",
        b"repr-digest",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"want-content-digest",
        b"want-repr-digest",
        b"x-request-timeout",
    ]
)
#: Servers expect a length of these even without a body (RFC 9110 §8.6).
_WITH_BODY: Final = frozenset(["POST", "PUT", "PATCH"])
_JSON: Final = b"application/json"
_LISTED: Final = b"connection"


def fields_for(
    fields: Iterable[FieldLine],
    own: Sequence[FieldLine],
    *,
    method: str,
    has_body: bool,
    left_s: float,
) -> list[FieldLine]:
    """The fields of a part's request: those of the client, as an instance gets them, and the part's `own`.

    `left_s` is what is left of the time for the part; it goes along as X-Request-Timeout.
    """
    fields = tuple(fields)
    ours = {name.lower() for name, _ in own}
    left_out = _NOT_FOR_PARTS | ours | _of_connection(fields)
    made = [one for one in fields if one[0].lower() not in left_out]
    if b"accept" not in ours:
        made.append((b"Accept", _JSON))
    made.append((b"Accept-Encoding", b"identity"))
    if has_body and b"content-type" not in ours:
        made.append((b"Content-Type", _JSON))
    if not has_body and method in _WITH_BODY:
        made.append((b"Content-Length", b"0"))
    made.append((b"X-Request-Timeout", b"%.3f" % max(left_s, 0.001)))
    return [*made, *own]


def _of_connection(fields: Sequence[FieldLine]) -> frozenset[bytes]:
    """The names that the client's Connection lists; it can't take away the fields that each message needs."""
    listed = b",".join(value for name, value in fields if name.lower() == _LISTED)
    names = frozenset(one.strip().lower() for one in listed.split(b","))
    return names - {b"host", b""}


def with_query(target: str, query: str, passed: Collection[str]) -> str:
    """The target with those members of the client's raw query that are passed on, as they came."""
    kept = [one for one in query.split("&") if _name_of(one) in passed]
    if not kept:
        return target
    return f"{target}{'&' if '?' in target else '?'}{'&'.join(kept)}"


def _name_of(member: str) -> str:
    return decoded(member.partition("=")[0].replace("+", " "))
