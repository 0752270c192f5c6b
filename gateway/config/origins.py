"""CORS_ORIGINS: origins as browsers send them, or the reason why one would never match."""

import re
from ipaddress import AddressValueError, IPv6Address

ANY = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
)


def parse_origins(text: str) -> tuple[str, ...]:
    """The origins of a comma-separated list; ValueError says how to correct the first bad one."""
    return tuple(parse_origin(item.strip()) for item in text.split(",") if item.strip())


def parse_origin(text: str) -> str:
    """The origin as browsers send it: lower case, without a default port (RFC 6454 §6.2); or `*`."""
    if text == ANY:
        return text
    found = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    if found is None:
        raise ValueError(
            f"{text!r} is not an origin such as https://app.example.com, or *: {_why(text)}"
        )
    scheme, host, port = found["scheme"], _host(found["host"]), found["port"]
    if port is None or _DEFAULT_PORTS.get(scheme) == int(port):
        return f"{scheme}://{host}"
    if not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} has a port that is not between 1 and 65535")
    return f"{scheme}://{host}:{int(port)}"


def _host(host: str) -> str:
    if not host.startswith("["):
        return host
    try:
        return f"[{IPv6Address(host[1:-1])}]"
    except AddressValueError as error:
        raise ValueError(f"{host} is no IPv6 address: {error}") from None


def _why(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if text.lower() == "null":
        return "any page can send null, so it can't be allowed"
    if ANY in text:
        return "no wildcard is allowed inside; name each origin, or * alone for all"
    if text.count("://") > 1:
        return "put a comma between two origins"
    if not separator or not scheme:
        return f"it has no scheme; write https://{text.lstrip(':/')}"
    if not text.isascii():
        return "browsers send the name in ASCII (xn--…)"
    if set(rest) & set("/?#@"):
        host = re.split("[/?#]", rest)[0].rpartition("@")[2]
        return f"it has no user, path or query; write {scheme}://{host}"
    return "it is scheme://host or scheme://host:port"
