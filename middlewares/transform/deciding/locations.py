"""URLs and cookies of a service's answer as its clients need them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from middlewares.head_changes import FieldLine, marks_of
from middlewares.transform.deciding.path_maps import PathMap

_ABSOLUTE = re.compile(r"(?:(https?):)?//([^/?#\\]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(r"(/[^?#]*)(.*)", re.DOTALL)
#: A link's target, or a quoted text, in which `<` is nothing special (RFC 8288 §3).
_OF_LINKS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|<([^<>]*)>', re.DOTALL)
_BEFORE_URL = re.compile(r"[ \t]*+[0-9.]++[ \t]*+[;,][ \t]*+(?:url[ \t]*+=[ \t]*+)?", re.IGNORECASE)
_SPACE: Final = " \t"
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Outside:
    """How clients see a service.

    `own_hosts` are those by which it may name itself, in lower case with their ports: its instances' and the one
    that was asked for. `scheme` and `host` are what the client uses; no `host`: it named none. `paths` None: the
    paths are the same on both sides. `has_tls`: the service is asked by TLS, and so knows itself by https.
    """

    scheme: str
    host: str
    own_hosts: frozenset[str]
    paths: PathMap | None
    has_tls: bool = False

    def url(self, url: str) -> str:
        """The URL as clients need it; one that names another host, or is relative to the path, stays."""
        absolute = _ABSOLUTE.fullmatch(url)
        if absolute is None:
            local = _PATH.fullmatch(url)
            return url if local is None else self._path(local[1]) + local[2]
        scheme, host, path, rest = absolute.groups()
        if (
            not host
            or path[:1] not in ("", "/")
            or not self._is_own(host, (scheme or self.scheme).lower())
        ):
            return url
        local_url = self._path(path or "/") + rest
        if not self.host:
            return local_url
        if self._leads_to_tls(scheme, host):
            return f"{scheme}://{host}{local_url}"
        return f"{self.scheme + ':' if scheme else ''}//{self.host}{local_url}"

    def cookie(self, value: str) -> str:
        """The Set-Cookie as clients need it; `__Host-` cookies hold for `/` alone, and stay."""
        if value.lstrip(" \t")[:7].lower() == "__host-":
            return value
        first, *attributes = value.split(";")
        return ";".join([first, *map(self._attribute, attributes)])

    def _attribute(self, text: str) -> str:
        name, equals, said = text.partition("=")
        kind, value = name.strip(_SPACE).lower(), said.strip(_SPACE)
        made: str | None = None
        if kind == "domain":
            made = self._domain(value)
        elif kind == "path" and self.paths is not None and value.startswith("/"):
            made = self.paths.scope(value)
        return text if made is None or made == value else f"{name}{equals}{made}"

    def _domain(self, value: str) -> str:
        """The client's host where the domain is the service's own and not the client's."""
        domain, client = value.lower().removeprefix("."), _name_of(self.host.lower())
        if not domain or not client or _holds(domain, client):
            return value
        return client if any(_holds(domain, _name_of(host)) for host in self.own_hosts) else value

    def _path(self, path: str) -> str:
        if self.paths is None:
            return path
        outside = self.paths.outside(path)
        return path if outside is None else outside

    def _leads_to_tls(self, scheme: str | None, host: str) -> bool:
        """Whether the service sends a client without TLS to the same host with it: back to http would be a loop."""
        if (scheme or "").lower() != "https" or self.scheme != "http" or self.has_tls:
            return False
        return self.host.lower() in _spellings(host, "https")

    def _is_own(self, host: str, scheme: str) -> bool:
        return not self.own_hosts.isdisjoint(_spellings(host, scheme))


def _spellings(host: str, scheme: str) -> set[str]:
    """A host in lower case, with and without the port that its scheme has anyway."""
    lower, port = host.lower(), _DEFAULT_PORTS[scheme]
    return {lower, lower.removesuffix(port), lower + port}


def _holds(domain: str, host: str) -> bool:
    """Whether a cookie of the domain is sent to the host (RFC 6265 §5.1.3)."""
    return host == domain or (host.endswith("." + domain) and not host[-1:].isdigit())


def _name_of(host: str) -> str:
    """A host without its port."""
    return host.rpartition(":")[0] if re.search(r":[0-9]*\Z", host) else host


def relocated(fields: Sequence[FieldLine], outside: Outside) -> list[FieldLine]:
    """The fields as clients need them."""
    made: list[FieldLine] = []
    for name, value in fields:
        change = _CHANGES.get(name.lower())
        if change is not None:
            value = change(outside, value.decode("latin-1")).encode("latin-1", "replace")
        made.append((name, value))
    return made


def _url(outside: Outside, value: str) -> str:
    return outside.url(value)


def _links(outside: Outside, value: str) -> str:
    def target(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else f"<{outside.url(found[1])}>"

    return _OF_LINKS.sub(target, value)


def _refresh(outside: Outside, value: str) -> str:
    found = _BEFORE_URL.match(value)
    if found is None:
        return value
    url = value[found.end() :]
    mark = url[:1] if url[:1] in ("'", '"') else ""
    inner, end, rest = url[1:].partition(mark) if mark else (url, "", "")
    return f"{found[0]}{mark}{outside.url(inner)}{end}{rest}"


def _cookie(outside: Outside, value: str) -> str:
    return outside.cookie(value)


_CHANGES: dict[bytes, Callable[[Outside, str], str]] = {
    b"location": _url,
    b"content-location": _url,
    b"link": _links,
    b"refresh": _refresh,
    b"set-cookie": _cookie,
}
#: Answers without one of these, as nearly all, stay as they are.
MARKS: Final = marks_of(_CHANGES)
