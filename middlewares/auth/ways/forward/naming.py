"""Which fields a deciding service may get, and which of its answer an instance may."""

from collections.abc import Iterable
from typing import Final

#: RFC 9110 §7.6.1 and §8.6: these describe a connection or where the message ends.
_FRAMING: Final = frozenset(
    [
        *("connection", "content-length", "expect", "host", "http2-settings", "keep-alive"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    ]
)
#: The gateway tells the service and the instance these by itself.
_OURS: Final = frozenset(
    [
        *("client-cert", "client-cert-chain", "forwarded", "via", "x-correlation-id"),
        *("x-auth-method", "x-auth-scopes", "x-auth-subject"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-method", "x-forwarded-prefix"),
        *("x-forwarded-proto", "x-forwarded-uri"),
    ]
)
#: These describe the content, which the service does not see.
_OF_CONTENT: Final = ("content-",)
#: Names of fields that hold a credential have one of these in them.
_OF_CREDENTIALS: Final = ("authorization", "cookie", "key", "token", "jwt", "secret", "assertion")


def why_not_sent(name: str) -> str:
    """Why the service can't get a field of the request; empty if it can."""
    if name.lower() == "accept-encoding":
        return "the gateway reads the service's answer, so it asks for one without coding"
    return _why_never(name) or (
        "X-Auth-* of clients are dropped" if name.lower().startswith("x-auth-") else ""
    )


def why_not_taken(name: str) -> str:
    """Why an instance can't get a field of the service's answer; empty if it can."""
    lower = name.lower()
    if lower.startswith(_OF_CONTENT) or lower in ("set-cookie", "date"):
        return "it is about the service's own answer, so it can't go to the instance"
    return _why_never(name)


def default_subject(take: Iterable[str]) -> str | None:
    """The field with the subject if none is named: the first one that holds no credential."""
    for name in take:
        if not any(word in name.lower() for word in _OF_CREDENTIALS):
            return name
    return None


def _why_never(name: str) -> str:
    lower = name.lower().replace("_", "-")
    if lower in _FRAMING:
        return "it belongs to the connection and never goes on"
    if lower in _OURS:
        return "the gateway writes it itself"
    return ""
