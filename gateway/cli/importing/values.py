"""Values as our file spells them; None for those that it can't have."""

import ipaddress
import re
from urllib.parse import urlsplit

from discovery.model.errors import InvalidRegistration
from discovery.model.fixed import fixed_instance

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
#: Paths that every server reads in the same way, spelled without escapes.
_PATH = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,=:@|^.-]+)*/?")
#: Those of dots are read in different ways; our file refuses stars, which are hardly meant as they stand.
_NO_SEGMENT = frozenset([".", "..", "*", "**"])
_METHOD = re.compile(r"[A-Z]{1,20}")
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_SIZE = re.compile(r"([0-9]{1,15})([kKmMgG]?)[bB]?", re.ASCII)
_SIZES = {"": "", "k": "KiB", "m": "MiB", "g": "GiB"}
#: 8 PiB in the largest unit.
_MOST_UNITS = 8 * 1024**2
_TIME = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w|M|y)?")
_UNITS_MS = {
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    "w": 604_800_000, "M": 2_592_000_000, "y": 31_536_000_000,
}  # fmt: skip
_DAY_MS = 86_400_000
_PORTS = {"http": 80, "https": 443}


def host_of(text: str) -> str | None:
    """A host, or `*.` and a host, in lower case."""
    host = text.lower()
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    is_address = host.replace(".", "").replace("*", "").isdigit()
    return None if host.startswith("*") and is_address else host


def path_of(text: str) -> str | None:
    """A path that our file can match: without dot segments, empty segments, escapes and templates."""
    whole = _PATH.fullmatch(text) and text.startswith("/")
    return text if whole and not _NO_SEGMENT & set(text.split("/")) else None


def prefix_of(text: str) -> str | None:
    """The same without a slash at the end, which means nothing there."""
    path = path_of(text)
    return None if path is None else path.rstrip("/") or "/"


def url_of(text: str) -> str | None:
    """http:// or https:// with a host and a port."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in _PORTS
        or port == 0
        or parts.netloc.endswith(":")
        or set("/?#@*\\") & set(text.partition("://")[2])
    ):
        return None
    if ":" in host:
        try:
            host = f"[{ipaddress.IPv6Address(host)}]"
        except ValueError:
            return None
    elif host_of(host) is None:
        return None
    url = f"{parts.scheme}://{host}:{port or _PORTS[parts.scheme]}"
    try:
        fixed_instance("imported", url)
    except InvalidRegistration:  # an address in short, such as 127.1
        return None
    return url


def network_of(text: str) -> str | None:
    """An address or a network, IPv4 or IPv6."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        return None
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def origin_of(text: str) -> str | None:
    """An origin as browsers send it."""
    scheme, _, rest = text.partition("://")
    url = url_of(text) if rest and not set("/?#") & set(rest) else None
    if url is None:
        return None
    return url.removesuffix(f":{_PORTS[scheme]}")


def method_of(text: str) -> str | None:
    return text.upper() if _METHOD.fullmatch(text.upper()) and text.isascii() else None


def field_of(text: str) -> str | None:
    """The name of a header."""
    return text if _FIELD.fullmatch(text) else None


def size_of(text: str) -> int | str | None:
    """Bytes, or a number with KiB, MiB or GiB, from nginx's 10m or compose's 10mb."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    number, unit = int(found[1]), _SIZES[found[2].lower()]
    if not unit or not number:
        return number
    return f"{number}{unit}" if number <= _MOST_UNITS else None


def milliseconds_of(text: str) -> int | None:
    """A time of nginx or Go, such as 90, 1m30s or 500ms; a bare number is in seconds."""
    parts = text.replace(" ", "")
    total, at = 0, 0
    while found := _TIME.match(parts, at):
        total += int(found[1]) * _UNITS_MS[found[2] or "s"]
        at = found.end()
    return total if parts and at == len(parts) else None


def duration_of(milliseconds: int) -> str | int:
    """The shortest spelling; our file has no time above a day."""
    left = min(milliseconds, _DAY_MS)
    if left == 0:
        return 0
    for unit in ("h", "m", "s"):
        if left % _UNITS_MS[unit] == 0:
            return f"{left // _UNITS_MS[unit]}{unit}"
    return f"{left}ms"
