"""Whether a request was made on this machine for itself; such a one sees addresses without a token."""

from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web

from middlewares.clients.deciding import parse_address
from middlewares.exchange import EXCHANGE

#: Fields that proxies add; then the peer is not the client.
_OF_PROXIES = frozenset(
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"]
)
_FORWARDED = "x-forwarded-"


def is_local(request: web.Request) -> bool:
    """Whether the request is local, as far as its fields show.

    - A proxy on this machine adds a field, or names the host that its client asked for. nginx that is
      configured to do neither speaks HTTP/1.0.
    - A web page with a name that points here (DNS rebinding) has that name in `Host`. A page that
      `CORS_ORIGINS` lets read answers has an `Origin`.
    """
    exchange = request[EXCHANGE]
    headers = request.headers
    host = headers.get("Host", "") if exchange.authority is None else exchange.authority
    return (
        is_loopback(request.remote or "")
        and is_loopback(exchange.client_ip)
        and request.version >= HttpVersion11
        and not any(map(_is_of_proxies, headers))
        and is_of_this_machine(f"//{host}")
        and ("Origin" not in headers or is_of_this_machine(headers["Origin"]))
    )


def is_of_this_machine(url: str) -> bool:
    """Whether the URL's host always means this machine, for everybody (RFC 6761 §6.3)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # for example http://[
        return False
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)


def is_loopback(text: str) -> bool:
    address = parse_address(text)
    return address is not None and address.is_loopback


def _is_of_proxies(name: str) -> bool:
    lower = name.lower()
    return lower in _OF_PROXIES or lower.startswith(_FORWARDED)
