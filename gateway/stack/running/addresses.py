"""Where the gateway of a stack is reached from this machine."""

from collections.abc import Mapping

from gateway.stack.plan import REACHABLE, ProcessSpec

#: What the address of a socket of Unix begins with, as in ADMIN_LISTEN.
UNIX = "unix:"
#: What URLs begin with there.
OVER_UNIX = "http://localhost"


def public_url(gateway: ProcessSpec) -> str:
    return _url(gateway.host, str(gateway.port))


def admin_url(environment: Mapping[str, str]) -> str:
    """Where ADMIN_LISTEN is in a gateway's environment: an URL, or `unix:/path`; empty: not set."""
    listen = environment.get("ADMIN_LISTEN") or ""
    if not listen or listen.startswith(UNIX):
        return listen
    host, _, port = listen.rpartition(":")
    return _url(host.strip("[]"), port)


def _url(host: str, port: str) -> str:
    host = REACHABLE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
