"""The values of Cache-Status (RFC 9211): what the cache did with a request, and why."""

import re
from typing import Final, Literal

#: Why a request was forwarded (RFC 9211 §2.2).
Forward = Literal[
    "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"
]
#: The `detail` of an answer that is the gateway's own, and is never kept.
OWN_ANSWER: Final = "own-answer"
_NAME: Final = b"lockgate"
_TOKEN: Final = re.compile(r"[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*")
_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_MOST_DETAIL: Final = 200
#: The largest integer of a structured field (RFC 9651 §3.3.1).
_MOST: Final = 999_999_999_999_999


def hit(ttl_s: int, detail: str = "") -> bytes:
    """Served without asking the service; `ttl_s` is below 0 for what is stale."""
    return b"%b; hit; ttl=%d%b" % (_NAME, _bounded(ttl_s), _detail(detail))


def forwarded(
    why: Forward,
    *,
    status: int | None = None,
    ttl_s: int | None = None,
    stored: bool = False,
    collapsed: bool = False,
    detail: str = "",
) -> bytes:
    """The service was asked.

    `status` is its own where the client's differs, as 304 does. `collapsed`: an earlier request was waited for.
    `detail` says why the answer is not stored.
    """
    parts = [_NAME, b"fwd=" + why.encode()]
    if status is not None:
        parts.append(b"fwd-status=%d" % status)
    if ttl_s is not None:
        parts.append(b"ttl=%d" % _bounded(ttl_s))
    if stored:
        parts.append(b"stored")
    if collapsed:
        parts.append(b"collapsed")
    return b"; ".join(parts) + _detail(detail)


def neither(detail: str) -> bytes:
    """Neither served from the cache nor forwarded, as for only-if-cached and refusals."""
    return _NAME + _detail(detail)


def _bounded(seconds: int) -> int:
    return max(-_MOST, min(seconds, _MOST))


def _detail(text: str) -> bytes:
    """The parameter with a token or a string; nothing for an empty text."""
    if not text:
        return b""
    text = _NOT_PRINTABLE.sub("?", text[:_MOST_DETAIL])
    if not _TOKEN.fullmatch(text):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return b"; detail=" + text.encode()
