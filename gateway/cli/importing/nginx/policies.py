"""Policies of nginx that are in force in a block, as keys of a route of ours."""

import re
from collections.abc import Callable

from gateway.cli.importing.model import EVERYBODY, Imported, Limit, Note, Route, Value
from gateway.cli.importing.names import Names
from gateway.cli.importing.nginx.caching import cache
from gateway.cli.importing.nginx.hints import RESTRICTING, shown
from gateway.cli.importing.nginx.scopes import Scope
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.values import (
    duration_of,
    field_of,
    host_of,
    method_of,
    milliseconds_of,
    network_of,
    origin_of,
    size_of,
)

_ASKED_HOST = frozenset(["$host", "$http_host", "$host:$server_port"])
_RATE = re.compile(r"rate=([0-9]{1,6})r/([sm])")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_HEADER_KEY = re.compile(r"\$http_([a-z0-9_]+)")
_CORS = "access-control-"
_MAX_ADDRESSES = 1_000
_REFUSING = re.compile(r"4[0-9]{2}")


class Policies:
    """Puts what is in force at a location into its route."""

    def __init__(self, limits: dict[str, Limit], in_flight: "InFlight") -> None:
        self._limits = limits
        self._in_flight = in_flight

    def put(self, route: Route, scope: Scope) -> None:
        """The policies of every route."""
        self._limits_of(route, scope)
        if "service" in route.settings:
            _body(route, scope)
            cache(route, scope)
        _cors(route, scope)
        _addresses(route, scope)
        _restrictions(route, scope)

    def _limits_of(self, route: Route, scope: Scope) -> None:
        names: list[str] = []
        for one in scope.in_force("limit_req"):
            zone = next((arg[5:] for arg in one.args if arg.startswith("zone=")), "")
            if zone not in self._limits:
                route.notes.append(Note(one.place, f"{one}: its zone can't be imported"))
                continue
            if self._limits[zone].name not in names:
                names.append(self._limits[zone].name)
            burst = next((arg for arg in one.args if arg.startswith("burst=")), "")
            if burst:
                text = f"{burst}: no burst above the limit; raise `requests` and `window` alike to admit one"
                route.notes.append(Note(one.place, text))
        for one in scope.in_force("limit_conn"):
            limit = self._in_flight.limit_of(one)
            if limit is None:
                text = f"{one}: its zone or its number can't be imported"
                route.notes.append(Note(one.place, text))
            elif limit.name not in names:
                names.append(limit.name)
        if names:
            route.settings["limits"] = names


class InFlight:
    """The limits of requests in flight: one for each limit_conn_zone and number."""

    def __init__(self, imported: Imported) -> None:
        self._imported = imported
        self._keys: dict[str, Value] = {}
        self._limits: dict[tuple[str, str], Limit] = {}

    def read(self, zone: Directive) -> bool:
        """Take a limit_conn_zone; False if our file can't have its key."""
        name = _zone_name(zone)
        by = _key_of(zone.args[0]) if zone.args else None
        if not name or by is None:
            return False
        self._keys[name] = by
        return True

    def limit_of(self, one: Directive) -> Limit | None:
        """The limit of a limit_conn; None if our file can't have it."""
        if (
            len(one.args) != 2
            or one.args[0] not in self._keys
            or not _NUMBER.fullmatch(one.args[1])
        ):
            return None
        zone, number = one.args
        if (zone, number) not in self._limits:
            name = self._imported.limit_names.give(zone)
            by = self._keys[zone]
            limit = Limit(name, one.place, shown(one), int(number), "", by)
            text = "nginx counts connections with a request, and answers 503, as Lockgate does"
            limit.notes.append(Note(one.place, text))
            self._limits[zone, number] = limit
            self._imported.limits.append(limit)
        return self._limits[zone, number]


def limit_of(zone: Directive, names: Names) -> tuple[str, Limit] | None:
    """The name of a limit_req_zone and its limit; None if our file can't have it."""
    rate = next((found for arg in zone.args if (found := _RATE.fullmatch(arg))), None)
    name = _zone_name(zone)
    if rate is None or not name or int(rate[1]) == 0:
        return None
    by = _key_of(zone.args[0])
    if by is None:
        return None
    requests, window = int(rate[1]), "1s" if rate[2] == "s" else "60s"
    limit = Limit(names.give(name), zone.place, shown(zone), requests, window, by)
    text = f"nginx spaces requests evenly; Lockgate admits {requests} in any {window}, then answers 429"
    limit.notes.append(Note(zone.place, text))
    return name, limit


def _zone_name(zone: Directive) -> str:
    return next((arg[5:].partition(":")[0] for arg in zone.args if arg.startswith("zone=")), "")


def _key_of(key: str) -> Value:
    """Whose requests are counted together; None if our file can't say it."""
    if key in ("$binary_remote_addr", "$remote_addr"):
        return "client"
    found = _HEADER_KEY.fullmatch(key)
    field = field_of(found[1].replace("_", "-")) if found else None
    return {"header": field.title()} if field else None


def timeouts(route: Route, scope: Scope) -> None:
    """Time-outs; nginx's for reading is ours for the head and between two pieces."""
    value: dict[str, Value] = {}
    for name, keys in (
        ("proxy_connect_timeout", ("connect",)),
        ("proxy_read_timeout", ("head", "idle")),
    ):
        one = scope.last(name)
        if one is None:
            continue
        milliseconds = milliseconds_of(one.args[0]) if one.args else None
        if milliseconds is None:
            route.notes.append(Note(one.place, f"{one}: not a time"))
            continue
        value |= dict.fromkeys(keys, duration_of(milliseconds))
    if value:
        route.settings["timeouts"] = value


def host_sent(route: Route, scope: Scope, upstream: bool) -> None:
    """Which Host the service gets: nginx sends its own unless proxy_set_header says otherwise."""
    given = [
        one
        for one in scope.in_force("proxy_set_header")
        if len(one.args) == 2 and one.args[0].lower() == "host"
    ]
    if given and given[-1].args[1] in _ASKED_HOST:
        return
    value = given[-1].args[1] if given else "$proxy_host"
    host = host_of(value)
    if host is not None and "*" not in host:
        rewrite = route.settings.get("rewrite")
        route.settings["rewrite"] = {**(rewrite if isinstance(rewrite, dict) else {}), "host": host}
        return
    route.settings["preserve_host"] = False
    if given and value != "$proxy_host":
        text = f"Host is {value}: not understood, the service gets the host of its own address"
        route.notes.append(Note(given[-1].place, text))
    elif upstream:
        text = "nginx sends the name of the upstream as Host, Lockgate the host of the instance's address"
        route.notes.append(Note(route.place, text))


def _body(route: Route, scope: Scope) -> None:
    one = scope.last("client_max_body_size")
    if one is None:
        return
    size = size_of(one.args[0]) if one.args else None
    if size is None:
        route.notes.append(Note(one.place, f"{one}: not a size"))
    elif size != 0:
        route.settings["max_body"] = size


def _addresses(route: Route, scope: Scope) -> None:
    """nginx takes the first line that fits; ours are two lists, and `deny` wins."""
    lines = scope.in_force("allow", "deny")
    end = next((index for index, one in enumerate(lines) if one.args == ["all"]), len(lines))
    # Without `all` at the end everybody else is admitted.
    denies_the_rest = end < len(lines) and lines[end].name == "deny"
    lines = lines[:end]
    if len(lines) > _MAX_ADDRESSES:
        route.close(lines[0].place, f"there are more than {_MAX_ADDRESSES:,} of these lines")
        return
    while lines and (lines[-1].name == "deny") == denies_the_rest:
        lines = lines[:-1]  # says what the end says
    allow: list[str] = []
    deny: list[str] = []
    for one in lines:
        network = network_of(one.args[0]) if one.args else None
        if network is None:
            route.close(one.place, f"{one}: not an address")
            return
        if allow and one.name == "deny":
            route.close(one.place, f"{one}: behind an `allow`; Lockgate's `deny` wins over `allow`")
            return
        own = allow if one.name == "allow" else deny
        if network not in own:
            own.append(network)
    _put_addresses(route, allow if denies_the_rest else None, deny)


def _put_addresses(route: Route, allow: list[str] | None, deny: list[str]) -> None:
    """Put the lists; `allow` is None where everybody else is admitted."""
    if allow == []:
        deny = list(EVERYBODY)
    elif allow:
        route.settings["allow"] = {"from": allow}
    if deny:
        route.settings["deny"] = {"from": deny}


def _restrictions(route: Route, scope: Scope) -> None:
    for name in sorted(RESTRICTING):
        one = scope.last(name)
        if (
            one is not None
            and one.args[:1] != ["off"]
            and not (name == "satisfy" and one.args == ["all"])
        ):
            route.close(
                one.place, f"{shown(one)} restricts access, and Lockgate has nothing for it yet"
            )
    for around in scope.outward():
        for one in around.named("if"):
            if refuses(one):
                route.close(one.place, f"{shown(one)}: refuses requests by a condition")


def refuses(block: Directive) -> bool:
    """Whether a directive of the block restricts access."""
    return any(
        inner.name in RESTRICTING
        or inner.name == "deny"
        or (inner.name == "return" and inner.args and _REFUSING.fullmatch(inner.args[0]))
        for inner in block.block or ()
    )


def _cors(route: Route, scope: Scope) -> None:
    fields = {
        one.args[0].lower().removeprefix(_CORS): one
        for one in scope.in_force("add_header")
        if len(one.args) >= 2 and one.args[0].lower().startswith(_CORS)
    }
    allowed = fields.get("allow-origin")
    if allowed is None:
        return
    origin = allowed.args[1]
    every = origin in ("*", "$http_origin")
    known = "*" if every else origin_of(origin)
    if known is None:
        route.notes.append(Note(allowed.place, f"{allowed}: not an origin, so there is no `cors`"))
        return
    value: dict[str, Value] = {"origins": [known]}
    kinds: tuple[tuple[str, str, Callable[[str], str | None]], ...] = (
        ("allow-methods", "methods", method_of),
        ("allow-headers", "headers", field_of),
        ("expose-headers", "expose", field_of),
    )
    for name, key, check in kinds:
        if name in fields and (words := _words(fields[name].args[1], check)):
            value[key] = words
    age = milliseconds_of(fields["max-age"].args[1]) if "max-age" in fields else None
    if age is not None:
        value["max_age"] = duration_of(age)
    if "allow-credentials" in fields and fields["allow-credentials"].args[1] == "true":
        if every:
            text = "credentials for every origin: left out, list `origins` to allow them"
            route.notes.append(Note(fields["allow-credentials"].place, text))
        else:
            value["credentials"] = True
    route.settings["cors"] = value


def _words(text: str, check: Callable[[str], str | None]) -> list[str]:
    words = [check(word.strip()) for word in text.split(",") if word.strip() != "*"]
    return list(dict.fromkeys(word for word in words if word))
