"""What to do about the evidence against an instance: one sentence for its owner."""

import ipaddress
import re
from dataclasses import asdict

from ..model.words import ANY, Words
from .evidence_texts import WEIGHTLESS

_WRONG_HOST = (
    "where the server checks the Host field, have probes send one that it takes ({health_host})"
)
_PASSES = "or take this status as healthy ({statuses})"
_UNKNOWN = "give a name that the gateway can resolve, or an address ({address})"
_UNREACHABLE = "give an address that the gateway has a way to ({address})"

#: The first pattern that is found in the evidence counts.
_TABLE: tuple[tuple[str, str], ...] = (
    (" answers (400|421),", _WRONG_HOST),
    (" answers 401,", f"give a path that needs no login ({{path}}), {_PASSES}"),
    (" answers 403,", f"give a path that needs no login ({{path}}); {_WRONG_HOST}"),
    (" answers 404,", "give the path of its health check ({path}), or {no_path} if it has none"),
    (" answers (405|501),", "give a path that answers GET ({path})"),
    (" answers 429,", "take its health path out of the service's own rate limit"),
    (
        " answers 3..,",
        f"probes follow no redirect: give the path that it leads to ({{path}}), {_PASSES}",
    ),
    (" answers 5..,", "it says so itself: look into the service's own log"),
    (" answers ..., expected", f"give the path of its health check ({{path}}), {_PASSES}"),
    (WEIGHTLESS, "register it with a weight of 1 or more ({weight})"),
    ("without the expected body", "the answer has to contain what you asked for ({body})"),
    (
        "is not answered within",
        "it takes the connection and does not answer: see whether it hangs, or its health check waits",
    ),
    ("response is not ", "is it an HTTP server? If not, a connect will do: {no_path}"),
    (
        "never connected to",
        "give another address ({address}); the gateway's REGISTRY_ALLOWED_HOSTS says which it takes",
    ),
    (
        "certificate is not valid",
        "it has to name {host}, and its authority to be one of the gateway's",
    ),
    ("connect failed: no TLS", "does it speak TLS there? If not, its scheme is http"),
    # The evidence quotes the gateway's own system: glibc, musl or macOS.
    ("[Nn]ame or service|[Nn]ame resolution|[Nn]o address assoc", _UNKNOWN),
    ("Name does not resolve|Name has no usable address|nodename nor servname", _UNKNOWN),
    ("No route to host|Host is unreachable|Network (is )?unreachable", _UNREACHABLE),
    ("connect failed: .*timed out", _UNREACHABLE),
)
_REFUSED = "Connection refused"


def advice(evidence: str, host: str, words: Words = ANY) -> str:
    """What most likely helps an instance that was registered with `host`, in the words of its registration.

    Empty where the evidence says it all, or where no remedy is known.
    """
    if _REFUSED in evidence:
        text = _about_refusal(host)
    else:
        text = next((text for pattern, text in _TABLE if re.search(pattern, evidence)), "")
    return text.format(host=host, **asdict(words))


def _about_refusal(host: str) -> str:
    wrong_port = "does the server listen on another port ({port})?"
    if _is_loopback(host):
        own = "{host} is the gateway's own machine, or its container"
        return f"{wrong_port} {own}: {{address}} names another"
    return f"{wrong_port} Or on 127.0.0.1 alone? Let it listen on 0.0.0.0"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
