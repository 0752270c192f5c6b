"""How to reach a stack's gateway from this machine."""

from collections.abc import Mapping

from gateway.stack.plan import REACHABLE, ProcessSpec
from gateway.stack.running.speaking import scheme_of

#: The beginning of a Unix socket's address, as in ADMIN_LISTEN.
UNIX = "unix:"
#: The beginning of URLs at a Unix socket.
OVER_UNIX = "http://localhost"


def public_url(gateway: ProcessSpec) -> str:
    return _url(gateway.host, str(gateway.port), scheme_of(gateway.environment))


def admin_url(environment: Mapping[str, str]) -> str:
    """The address in a gateway's ADMIN_LISTEN: a URL, or `unix:/path`; empty if it is not set."""
    listen = environment.get("ADMIN_LISTEN") or ""
    if not listen or listen.startswith(UNIX):
        return listen
    host, _, port = listen.rpartition(":")
    return _url(host.strip("[]"), port)


def _url(host: str, port: str, scheme: str = "http") -> str:
    host = REACHABLE.get(host, host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
