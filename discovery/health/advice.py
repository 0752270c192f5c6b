"""What to do about the evidence against an instance: a sentence for whoever has registered it.

A setting is named as it is called in Python, on the command line, and over HTTP where that differs.
"""

import ipaddress
import re

from .evidence_texts import WEIGHTLESS

_PATH = "health_path=… (--health-path; over HTTP health_check_url)"
_HOST = "health_host=… (--health-host; over HTTP health.host in its metadata)"
_ADDRESS = "host=… (--host), or ADVERTISE_HOST"
_STATUSES = 'metadata={"health.statuses": …} (--health-status)'
_BODY = 'metadata={"health.body": …} (--health-body)'
_NO_PATH = "health_path=None (--tcp; over HTTP no health_check_url)"

_WRONG_HOST = f"where the server checks the Host field, have probes send one that it takes, {_HOST}"
_PASSES = f"or take this status as healthy, {_STATUSES}"
_UNKNOWN = f"give a name that the gateway can resolve, or an address: {_ADDRESS}"
_UNREACHABLE = f"give an address that the gateway has a way to: {_ADDRESS}"

#: The first one that is found in the evidence counts.
_TABLE: tuple[tuple[str, str], ...] = (
    (" answers (400|421),", _WRONG_HOST),
    (" answers 401,", f"give a path that needs no login, {_PATH}, {_PASSES}"),
    (" answers 403,", f"give a path that needs no login, {_PATH}; {_WRONG_HOST}"),
    (
        " answers 404,",
        f"give the path of its health check, {_PATH}; if it has none, a connect will do, {_NO_PATH}",
    ),
    (" answers (405|501),", f"give a path that answers GET, {_PATH}"),
    (" answers 429,", "take its health path out of the service's own rate limit"),
    (
        " answers 3..,",
        f"probes follow no redirect: give the path that it leads to, {_PATH}, {_PASSES}",
    ),
    (" answers 5..,", "it says so itself: look into the service's own log"),
    (" answers ..., expected", f"give the path of its health check, {_PATH}, {_PASSES}"),
    (WEIGHTLESS, "register it with a weight of 1 or more, weight=… (--weight)"),
    ("without the expected body", f"the answer has to contain what {_BODY} says"),
    (
        "is not answered within",
        "it takes the connection and does not answer: see whether it hangs, or its health check waits",
    ),
    ("response is not ", f"is it an HTTP server? If not, a connect will do, {_NO_PATH}"),
    (
        "never connected to",
        f"give another address, {_ADDRESS}; the gateway's REGISTRY_ALLOWED_HOSTS says which it takes",
    ),
    (
        "certificate is not valid",
        "it has to name {host}, and its authority to be one of the gateway's",
    ),
    ("connect failed: no TLS", "does it speak TLS there? If not, its scheme is http"),
    # In the words of the gateway's machine, which may be another system: glibc's, musl's, macOS's.
    ("[Nn]ame or service|[Nn]ame resolution|[Nn]o address assoc", _UNKNOWN),
    ("Name does not resolve|Name has no usable address|nodename nor servname", _UNKNOWN),
    ("No route to host|Host is unreachable|Network (is )?unreachable", _UNREACHABLE),
    ("connect failed: .*timed out", _UNREACHABLE),
)
_REFUSED = "Connection refused"


def advice(evidence: str, host: str) -> str:
    """What most likely helps an instance that was registered with `host`.

    Empty where the evidence says all, or nothing is known to help.
    """
    if _REFUSED in evidence:
        return _about_refusal(host)
    for pattern, text in _TABLE:
        if re.search(pattern, evidence):
            return text.format(host=host) if "{host}" in text else text
    return ""


def _about_refusal(host: str) -> str:
    wrong_port = "does the server listen on another port? port=… (--port)"
    if _is_loopback(host):
        own = f"{host} is the gateway's own machine, or its container"
        return f"{wrong_port}; {own}: {_ADDRESS}, names another"
    return f"{wrong_port}; on 127.0.0.1 alone? Let it listen on 0.0.0.0"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
