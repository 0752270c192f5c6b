"""Puts Traefik's middlewares into routes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.cli.importing.model import Imported, Limit, Note, Place, Route, Value
from gateway.cli.importing.traefik.retries import put_retries
from gateway.cli.importing.tree import Entry, Table
from gateway.cli.importing.values import (
    duration_of,
    field_of,
    method_of,
    milliseconds_of,
    network_of,
    origin_of,
    prefix_of,
)

_MAX_CHAIN = 8
_MAX_REQUESTS = 1_000_000
_LEAST_WINDOW_MS = 100
#: Kinds that admit nobody less when they are left out, and what to do instead.
_HARMLESS = {
    "compress": "write `compress` on the route or in defaults: docs/compression.md",
    "circuitbreaker": "Lockgate has no breaker of its own settings yet",
    "inflightreq": "services.NAME.concurrent bounds requests in flight",
    "errors": "Lockgate passes the service's own errors on",
    "contenttype": "not needed, Lockgate guesses no Content-Type",
    "grpcweb": "Lockgate has no gRPC yet",
    "passtlsclientcert": "a way of type mtls, below auth, sends Client-Cert to services",
    "replacepathregex": "rewrite.path with names of match.path does it; the path passes as it is",
    "stripprefixregex": "rewrite.path with names of match.path does it; the path passes as it is",
    "redirectregex": "write a route with `redirect` for it",
}


@dataclass(slots=True)
class _Path:
    """What becomes of the path, as the middlewares so far have it."""

    begins: str
    rest: bool
    changed: bool = False


class Middlewares:
    """The middlewares of a file by their names."""

    def __init__(self, table: Table, imported: Imported) -> None:
        self._table = table
        self._imported = imported
        self._limits: dict[str, Limit | None] = {}
        self._apply: dict[str, Callable[[str, Table, Route, Place], None]] = {
            "redirectscheme": self._redirect_scheme,
            "ratelimit": self._rate_limit,
            "ipallowlist": self._allow,
            "ipwhitelist": self._allow,
            "headers": self._headers,
            "buffering": self._buffering,
            "retry": partial(put_retries, imported=imported),
        }

    def put(self, names: list[str], route: Route, place: Place) -> None:
        """Put all of these into the route, in their order."""
        match = route.match
        begins = match.begins if match.path is not None else match.begins.rstrip("/") or "/"
        path = _Path(begins, match.path is None)
        self._put(names, route, place, path, 0)
        if path.changed and "service" in route.settings:
            _rewrite(route, path)

    def leads_away(self, names: list[str]) -> bool:
        """Whether one of these is a redirect to another scheme."""
        entries = (self._table.entry(name.partition("@")[0]) for name in names)
        return any(
            entry is not None
            and isinstance(entry.node, Table)
            and entry.node.entry("redirectScheme")
            for entry in entries
        )

    def _put(self, names: list[str], route: Route, place: Place, path: _Path, depth: int) -> None:
        for name in names:
            entry = self._table.entry(name.partition("@")[0])
            if entry is None or not isinstance(entry.node, Table) or not entry.node.entries:
                route.close(place, f"middleware {name} is not in this file")
                continue
            for kind, settings in entry.node.entries.items():
                if kind.lower() == "chain" and depth < _MAX_CHAIN:
                    inner = entry.node.table(kind).texts("middlewares")
                    self._put(inner, route, settings.place, path, depth + 1)
                else:
                    self._put_one(name, kind, settings, route, path)

    def _put_one(self, name: str, kind: str, entry: Entry, route: Route, path: _Path) -> None:
        lower = kind.lower()
        table = entry.node if isinstance(entry.node, Table) else Table(entry.place)
        if lower in ("stripprefix", "addprefix", "replacepath"):
            if not _change(path, lower, table):
                text = (
                    f"{kind} of {name}: not understood with this match; the path passes without it"
                )
                route.notes.append(Note(entry.place, text))
        elif lower in self._apply:
            self._apply[lower](name, table, route, entry.place)
        elif lower in _HARMLESS:
            route.notes.append(Note(entry.place, f"{kind} of {name}: {_HARMLESS[lower]}"))
        else:
            route.close(
                entry.place,
                f"{kind} of {name} may restrict access, and Lockgate has nothing for it",
            )

    def _redirect_scheme(self, name: str, table: Table, route: Route, place: Place) -> None:
        scheme, port = table.text("scheme").lower(), table.text("port")
        if scheme not in ("http", "https") or (port and not _is_port(port)):
            route.close(place, f"redirectScheme of {name}: not understood")
            return
        value: dict[str, Value] = {"scheme": scheme}
        value["port"] = int(port) if port else {"http": 80, "https": 443}[scheme]
        value["status"] = 301 if table.text("permanent").lower() == "true" else 302
        for key in ("service", "preserve_host", "respond"):
            route.settings.pop(key, None)
        route.settings["redirect"] = value
        text = f"redirectScheme of {name}: it redirects always; tls.redirect_from does it for a port of plain HTTP"
        route.notes.append(Note(place, text))

    def _rate_limit(self, name: str, table: Table, route: Route, place: Place) -> None:
        if name not in self._limits:
            self._limits[name] = self._limit(name, table, place)
        limit = self._limits[name]
        if limit is None:
            text = f"rateLimit of {name}: left out, its average, period or source is not understood"
            route.notes.append(Note(place, text))
            return
        names = route.settings.get("limits")
        known = list(names) if isinstance(names, list) else []
        route.settings["limits"] = [*known, *([] if limit.name in known else [limit.name])]

    def _limit(self, name: str, table: Table, place: Place) -> Limit | None:
        average = table.text("average")
        period_ms = milliseconds_of(table.text("period") or "1s")
        if not (average.isascii() and average.isdigit()) or len(average) > 7 or period_ms is None:
            return None
        requests, period_ms = int(average), max(period_ms, _LEAST_WINDOW_MS)
        if not 0 < requests <= _MAX_REQUESTS:
            return None
        source = table.table("sourceCriterion")
        by: Value = "client"
        if header := source.text("requestHeaderName"):
            field = field_of(header)
            if field is None:
                return None
            by = {"header": field}
        elif source.text("requestHost"):
            return None
        origin = f"rateLimit of {name}"
        window = str(duration_of(period_ms))
        limit = Limit(
            self._imported.limit_names.give(name.partition("@")[0]),
            place,
            origin,
            requests,
            window,
            by,
        )
        text = f"Lockgate admits {requests} in any {window}, and no burst above"
        limit.notes.append(Note(table.place_of("burst"), text))
        if source.get("ipStrategy") is not None:
            limit.notes.append(Note(source.place, "ipStrategy: TRUSTED_PROXIES says it"))
        self._imported.limits.append(limit)
        return limit

    def _allow(self, name: str, table: Table, route: Route, place: Place) -> None:
        given = table.texts("sourceRange")
        networks = [network_of(one) for one in given]
        known = list(dict.fromkeys(one for one in networks if one is not None))
        if not known or len(known) < len(set(networks)):
            route.close(place, f"sourceRange of {name} has what is no address")
            return
        if "allow" in route.settings:
            route.close(place, f"sourceRange of {name} is a second list, and a route has one")
            return
        if "deny" not in route.settings:  # else it is closed
            route.settings["allow"] = {"from": known}
        for key, entry in table.entries.items():
            if key.lower() != "sourcerange":
                hint = (
                    "TRUSTED_PROXIES says it" if key.lower() == "ipstrategy" else "not understood"
                )
                route.notes.append(Note(entry.place, f"{key} of {name}: {hint}"))

    def _headers(self, name: str, table: Table, route: Route, place: Place) -> None:
        cors = "accesscontrol"
        for key, entry in table.entries.items():
            if not key.lower().startswith(cors) and key.lower() != "addvaryheader":
                hint = "write `request` or `response` on the route: docs/transformation.md"
                text = f"{key} of {name}: {hint}"
                route.notes.append(Note(entry.place, text))
            elif key.lower() == "accesscontrolalloworiginlistregex":
                text = f"{key} of {name}: not understood; list `origins`"
                route.notes.append(Note(entry.place, text))
        given = table.texts("accessControlAllowOriginList")
        origins = ["*"] if "*" in given else _checked(given, origin_of)
        if not origins:
            if given:
                route.notes.append(
                    Note(place, f"headers of {name}: no origin in its list is understood")
                )
            return
        value: dict[str, Value] = {"origins": origins}
        if methods := _checked(table.texts("accessControlAllowMethods"), method_of):
            value["methods"] = methods
        for key, ours in (
            ("accessControlAllowHeaders", "headers"),
            ("accessControlExposeHeaders", "expose"),
        ):
            if fields := _checked(table.texts(key), _named_field):
                value[ours] = fields
        age = milliseconds_of(table.text("accessControlMaxAge"))
        if age is not None:
            value["max_age"] = duration_of(age)
        if table.text("accessControlAllowCredentials").lower() == "true":
            if origins == ["*"]:
                text = f"credentials for every origin of {name}: left out, list `origins` to allow them"
                route.notes.append(Note(table.place_of("accessControlAllowCredentials"), text))
            else:
                value["credentials"] = True
        route.settings["cors"] = value

    def _buffering(self, name: str, table: Table, route: Route, place: Place) -> None:
        size = table.text("maxRequestBodyBytes")
        if size.isascii() and size.isdigit() and len(size) < 15 and int(size):
            route.settings["max_body"] = int(size)
        elif size:
            route.notes.append(Note(place, f"maxRequestBodyBytes of {name}: not understood"))
        for key, entry in table.entries.items():
            if key.lower() != "maxrequestbodybytes":
                text = f"{key} of {name}: not needed, Lockgate streams bodies"
                route.notes.append(Note(entry.place, text))


def _change(path: _Path, kind: str, table: Table) -> bool:
    """Change the path as a middleware does; whether that can be said for every path of the route."""
    if kind == "replacepath":
        new = prefix_of(table.text("path"))
        if new is None:
            return False
        path.begins, path.rest, path.changed = table.text("path"), False, True
        return True
    if kind == "addprefix":
        new = prefix_of(table.text("prefix"))
        if new is None:
            return False
        path.begins = _joined(new, path.begins)
        path.changed = True
        return True
    for given in table.texts("prefixes"):
        old = prefix_of(given)
        if old is not None and _within(path.begins, old):
            path.begins = "/" if old == path.begins else path.begins[len(old.rstrip("/")) :] or "/"
            path.changed = True
            return True
    return False


def _rewrite(route: Route, path: _Path) -> None:
    match = route.match
    new = path.begins.rstrip("/") or "/"
    old = match.begins.rstrip("/") or "/"
    if match.path is not None or not path.rest:
        if path.begins != match.path:
            route.settings["rewrite"] = {"path": path.begins}
    elif new == "/" and old != "/":
        route.settings["rewrite"] = {"strip": old}
    elif new != old:
        route.settings["rewrite"] = {"prefix": new}


def _joined(before: str, after: str) -> str:
    return f"{before.rstrip('/')}{after}" if after != "/" else before


def _within(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536


def _named_field(text: str) -> str | None:
    return None if text == "*" else field_of(text)


def _checked(given: list[str], check: Callable[[str], str | None]) -> list[str]:
    return list(dict.fromkeys(value for one in given if (value := check(one))))
