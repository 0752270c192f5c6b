"""Whether a request was made on this machine, for itself: it is told addresses without the token."""

from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web

from middlewares.clients.deciding import parse_address
from middlewares.exchange import EXCHANGE

#: Fields of a request that came through a proxy: the peer is not who asks.
_OF_PROXIES = frozenset(
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"]
)
_FORWARDED = "x-forwarded-"


def is_local(request: web.Request) -> bool:
    """As far as can be seen: whoever asks here for somebody else shows it in one of these.

    - A proxy on this machine adds a field, or names the host that its client asked for. nginx, told to
      do neither, speaks HTTP/1.0.
    - A web page whose name is made to lead here (DNS rebinding) has that name as its `Host`. One that
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
    """The URL's host leads here and nowhere else, whoever looks it up (RFC 6761 §6.3)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # such as http://[
        return False
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)


def is_loopback(text: str) -> bool:
    address = parse_address(text)
    return address is not None and address.is_loopback


def _is_of_proxies(name: str) -> bool:
    lower = name.lower()
    return lower in _OF_PROXIES or lower.startswith(_FORWARDED)
