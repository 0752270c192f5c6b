"""The URL at which clients reach this gateway: for services, and for people to open."""

import ipaddress
from urllib.parse import urlsplit

MAX_CHARACTERS = 255


def check_url(text: str) -> str:
    """GATEWAY_URL without a trailing slash; ValueError if no path can be put behind it."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    graphic = text.isascii() and all(" " < character < "\x7f" for character in text)
    if not (is_one and graphic) or len(text) > MAX_CHARACTERS or set("?#@") & set(text):
        raise ValueError(
            "must be a URL as in https://shop.example, without user, query or fragment"
        )
    return text.rstrip("/")


def own_url(given: str | None, host: str, port: int, scheme: str = "http") -> str:
    """GATEWAY_URL, or where it listens; wildcard and loopback addresses become `localhost`."""
    if given:
        return given
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{scheme}://{host}:{port}"
    if address.is_unspecified or address.is_loopback:
        return f"{scheme}://localhost:{port}"
    return f"{scheme}://[{host}]:{port}" if address.version == 6 else f"{scheme}://{host}:{port}"
