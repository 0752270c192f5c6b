"""Hosts, origins, networks and addresses of services."""

import ipaddress
import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from discovery.model.errors import InvalidRegistration
from discovery.model.fixed import fixed_instance
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.wording import quoted
from gateway.config.origins import ANY, parse_origin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MAX_CHARACTERS = 253
_WILDCARD = "*."
_PORTS = {"http": 80, "https": 443}


class ServiceUrl(NamedTuple):
    """Where an instance with a fixed address listens; an IPv6 host has no brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _host(value: object) -> str:
    """The host in lower case; an IPv6 address in brackets, in its canonical spelling."""
    rule = "must be a host such as shop.example.com"
    text = text_of(value, rule).lower()
    if text.startswith("[") and text.endswith("]"):
        try:
            return f"[{ipaddress.IPv6Address(text[1:-1])}]"
        except ValueError:
            raise ValueError(f"{quoted(text)} is no IPv6 address") from None
    if _HOST.fullmatch(text) and len(text) <= _MAX_CHARACTERS:
        return text
    raise ValueError(f"{rule}{_why_no_host(text)}")


def _why_no_host(text: str) -> str:
    if not text.isascii():
        return "; write its name in ASCII (punycode, xn--…), as browsers send it"
    if "://" in text or "/" in text:
        return ", without a scheme or path"
    if text.count(":") > 1:
        return "; an IPv6 address stands in brackets"
    if ":" in text:
        return ", without a port"
    if "*" in text:
        return ""
    if text.endswith("."):
        return ", without a dot at the end"
    return ""


def _host_pattern(value: object) -> str:
    rule = "must be a host such as shop.example.com or *.example.com"
    of_several = "; each of several hosts has a route of its own"
    text = text_of(value, rule + of_several if isinstance(value, tuple) else rule)
    if text == ANY:
        raise ValueError('must be a host; leave the key out to match every host, or write "*.com"')
    if not text.startswith(_WILDCARD):
        if ANY in text:
            raise ValueError('only "*." at the beginning is allowed, as in "*.example.com"')
        return _host(text)
    rest = _host(text.removeprefix(_WILDCARD))
    if rest.startswith("[") or rest.replace(".", "").isdigit():
        raise ValueError('"*." stands before a name, not before an address')
    return _WILDCARD + rest


def _origin(value: object) -> str:
    """An origin as browsers send it, `*`, or with `*.` in place of the host's first labels."""
    text = text_of(value, "must be an origin such as https://app.example.com")
    scheme, separator, rest = text.partition("://")
    if separator and rest.startswith(_WILDCARD):
        scheme, _, rest = parse_origin(f"{scheme}://{rest.removeprefix(_WILDCARD)}").partition(
            "://"
        )
        return f"{scheme}://{_WILDCARD}{rest}"
    if text != ANY and ANY in text:
        raise ValueError('only "*." before the host is allowed, as in https://*.example.com')
    return parse_origin(text)


def _network(value: object) -> Network:
    rule = "must be an address or a network such as 10.0.0.0/8"
    text = text_of(value, rule)
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(rule) from None
        raise ValueError(
            f"{rule}; did you mean {meant}, or {text.partition('/')[0]} alone?"
        ) from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(
            f"{rule}; clients at IPv4 addresses are compared as such: write it without ::ffff:"
        )
    return network


def _service_url(value: object) -> ServiceUrl:
    rule = "must be http:// or https:// with host and port, such as http://10.0.0.5:9000"
    text = text_of(value, rule)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(rule) from None
    if parts.scheme not in _PORTS or not host or port == 0 or text != text.strip():
        raise ValueError(rule)
    if set("/?#@\\") & set(text.partition("://")[2]):
        raise ValueError(
            f"{rule}, and nothing else: rewrite.prefix of a route puts a path in front"
        )
    bare = _host(f"[{host}]" if ":" in host else host).strip("[]")
    url = ServiceUrl(parts.scheme, bare, port or _PORTS[parts.scheme])
    try:
        fixed_instance("legacy", str(url))  # refuses an address that is written as in 127.1
    except InvalidRegistration:
        raise ValueError(rule) from None
    return url


_TEXT = {"type": "string"}
Host = Annotated[str, Parsed(_host, "host", _TEXT)]
HostPattern = Annotated[str, Parsed(_host_pattern, "host", _TEXT)]
Origin = Annotated[str, Parsed(_origin, "origin", _TEXT)]
Source = Annotated[Network, Parsed(_network, "address or network", _TEXT)]
Url = Annotated[
    ServiceUrl, Parsed(_service_url, "URL", {**_TEXT, "pattern": "^https?://[^/?#@]+$"})
]
