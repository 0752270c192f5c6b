"""Where a route sends its clients instead."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from middlewares.hygiene.deciding import is_host
from middlewares.routing.matching.matcher import Hit
from middlewares.routing.rewriting import ToPath, ToPrefix

_OWN_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
#: A Location is printable ASCII (RFC 3986 §2).
_NOT_IN_A_URI = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True)
class Redirect:
    """What of the URL changes; what is None stays as it was asked."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: ToPath | ToPrefix | None = None
    status: int = 302

    def location(self, target: str, hit: Hit[Any], *, scheme: str, authority: bytes) -> str:
        """The URL for Location, of the path and query, the scheme and the Host that were asked for.

        A port that is the scheme's own is left out. Without any host, which an HTTP/1.0 request need not
        name, only the path is given.
        """
        path, mark, query = target.partition("?")
        if self.path is not None:
            path = self.path.apply(path, hit)
        asked_host, asked_port = _split(authority)
        if asked_port == _OWN_PORTS.get(scheme):
            asked_port = None
        host = asked_host if self.host is None else self.host
        rest = _printable(path + mark + query)
        if not host:
            return "/" + rest.lstrip("/")  # two slashes would begin a host
        scheme = self.scheme or scheme
        port = asked_port if self.port is None else self.port
        shown = "" if port is None or port == _OWN_PORTS.get(scheme) else f":{port}"
        return f"{scheme}://{host}{shown}{rest}"


def _split(authority: bytes) -> tuple[str, int | None]:
    """The host as it was written, and the port; nothing of an authority that is not valid."""
    if not is_host(authority):
        return "", None
    host, port = authority.decode("latin-1"), ""
    if not host.endswith("]"):
        name, colon, digits = host.rpartition(":")
        host, port = (name, digits) if colon else (host, "")
    return host, int(port) if port and 0 < int(port) <= _LAST_PORT else None


def _printable(text: str) -> str:
    return _NOT_IN_A_URI.sub(
        lambda found: quote(found[0].encode("utf-8", "surrogateescape"), safe=""), text
    )
