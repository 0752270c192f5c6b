"""Where clients reach this gateway: what services are told, and what a person may open."""

import ipaddress
from urllib.parse import urlsplit

MAX_CHARACTERS = 255


def check_url(text: str) -> str:
    """GATEWAY_URL without a slash at its end; ValueError where it is no URL to put a path behind."""
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


def own_url(given: str | None, host: str, port: int) -> str:
    """GATEWAY_URL, or where it listens; any address and a loopback one is `localhost` for people."""
    if given:
        return given
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified or address.is_loopback:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"
