"""Headers that no rule touches: they frame a message, describe one connection, or are the gateway's own."""

from typing import Final

#: Of both directions: where the message ends and what the connection does (RFC 9110 §7.6.1, RFC 9112 §6).
_FRAMING: Final = frozenset(
    [
        "connection",
        "content-length",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
#: What the gateway writes itself, by the direction in which it does.
_OWN_IN_REQUESTS: Final = frozenset(
    [
        "client-cert",
        "client-cert-chain",
        "expect",
        "forwarded",
        "via",
        "x-correlation-id",
        "x-lockgate-mirror",
        "x-request-timeout",
    ]
)
_OWN_IN_ANSWERS: Final = frozenset(
    [
        "cache-status",
        "date",
        "ratelimit",
        "ratelimit-policy",
        "x-correlation-id",
        "x-served-version",
    ]
)
_OWN_PREFIXES_IN_REQUESTS: Final = ("x-auth-", "x-forwarded-")
_OWN_PREFIXES_IN_ANSWERS: Final = ("x-ratelimit-",)


def why_not_in_request(name: str) -> str | None:
    """Why no rule may touch this header of requests; None: a rule may. `X_Y` counts as `X-Y`."""
    lower = name.lower().replace("_", "-")
    if lower == "host":
        return "rewrite.host says which Host the instance gets"
    if lower in _FRAMING:
        return _frames(name)
    if lower in _OWN_IN_REQUESTS or lower.startswith(_OWN_PREFIXES_IN_REQUESTS):
        return _own(name)
    return None


def why_not_in_answer(name: str) -> str | None:
    """Why no rule may touch this header of answers; None: a rule may."""
    lower = name.lower()
    if lower in _FRAMING:
        return _frames(name)
    if lower in _OWN_IN_ANSWERS or lower.startswith(_OWN_PREFIXES_IN_ANSWERS):
        return _own(name)
    return None


def _frames(name: str) -> str:
    return f"{name} says where a message ends or what a connection does, and no rule changes that"


def _own(name: str) -> str:
    return f"the gateway writes {name} itself, and no rule changes that"
