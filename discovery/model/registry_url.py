"""Reads and checks URLs of a group of servers: `redis+sentinel://` and `redis+cluster://`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Address = tuple[str, int]

SENTINEL_PORT = 26379
SERVER_PORT = 6379
#: Query parameters: the sentinels' credentials, if they need any, and how TLS is checked.
_FOR_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}
_FOR_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """A parsed URL: `nodes` to ask, and redis-py's options for servers and for sentinels."""

    kind: Literal["sentinel", "cluster"]
    nodes: tuple[Address, ...]
    tls: bool
    master: str = ""
    options: Mapping[str, str | int] = field(default_factory=dict)
    sentinel_options: Mapping[str, str] = field(default_factory=dict)


def parse_server_group(url: str) -> ServerGroup | None:
    """The group, or None for a URL of one server; ValueError says what is wrong with it.

    `rediss+…` uses TLS, to the sentinels too.
    """
    scheme, _, rest = url.partition("://")
    security, _, kind = scheme.partition("+")
    if security not in ("redis", "rediss") or kind not in ("sentinel", "cluster"):
        return None
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    username, _, password = (unquote(part) for part in credentials.partition(":"))
    port = SENTINEL_PORT if kind == "sentinel" else SERVER_PORT
    nodes = tuple(_node(text, port) for text in hosts.split(","))
    options: dict[str, str | int] = {}
    if username:
        options["username"] = username
    if password:
        options["password"] = password
    sentinel_options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in _FOR_SENTINELS and kind == "sentinel":
            sentinel_options[_FOR_SENTINELS[name]] = value
        elif name in _FOR_TLS and security == "rediss":
            options[name] = sentinel_options[name] = value
        else:
            raise ValueError(f"{name!r} is no parameter of {scheme}://")
    tls = security == "rediss"
    if kind == "cluster":
        if path not in ("", "0"):
            raise ValueError("a cluster has only database 0")
        return ServerGroup("cluster", nodes, tls, options=options)
    master, _, database = path.partition("/")
    if not master:
        raise ValueError("the name by which the sentinels know the servers is missing")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError(f"the database {database!r} is no number")
    options["db"] = int(database or 0)
    return ServerGroup("sentinel", nodes, tls, unquote(master), options, sentinel_options)


def _node(text: str, default_port: int) -> Address:
    try:
        parts = urlsplit(f"//{text}")
    except ValueError:
        raise ValueError("a host is missing") from None
    try:
        port = default_port if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not parts.hostname:
        raise ValueError("a host is missing")
    if not port:
        raise ValueError("a port is not 1 to 65535")
    return parts.hostname, port
