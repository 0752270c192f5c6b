"""Makes routes of a server's locations."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.cli.importing.model import Imported, Match, Note, Place, Route, Value
from gateway.cli.importing.nginx.handlers import Handlers, redirect_of
from gateway.cli.importing.nginx.hints import RESTRICTING, UNDERSTOOD, hint_for
from gateway.cli.importing.nginx.policies import Policies, refuses
from gateway.cli.importing.nginx.retries import put_retries
from gateway.cli.importing.nginx.rewriting import pattern_of
from gateway.cli.importing.nginx.scopes import Scope
from gateway.cli.importing.nginx.servers import Server
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.values import path_of, prefix_of

_MODIFIER = re.compile(r"(=|\^~|~\*|~)(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """A location that our file can match; `text` is its path as nginx has it."""

    directive: Directive
    scope: Scope
    text: str
    whole: bool
    notes: tuple[Note, ...] = ()

    @property
    def origin(self) -> str:
        return f"{self.directive.name} {' '.join(self.directive.args)}".strip()

    @property
    def match(self) -> Match:
        if self.whole:
            return Match(path=self.text)
        return Match(prefix=prefix_of(self.text))

    @property
    def remarks(self) -> list[Note]:
        """Those on its own directives; a server's and a rewrite's stand elsewhere."""
        return remarks(self.scope.directives) if self.directive.block is not None else []


class Locations:
    """Adds the routes of servers to what is imported."""

    def __init__(self, imported: Imported, handlers: Handlers, policies: Policies) -> None:
        self._imported = imported
        self._handlers = handlers
        self._policies = policies

    def add(self, server: Server) -> None:
        """Add a server's routes, in the order of its lines."""
        found: list[tuple[Location, Route]] = []
        left_out: list[tuple[Location, str]] = []
        for location in self._of_server(server):
            route = self._route(location)
            if route is None:
                left_out.append((location, "it has no `proxy_pass` or `return` that is understood"))
            else:
                found.append((location, route))
        found.sort(
            key=lambda pair: len(pair[0].text), reverse=True
        )  # nginx takes /api/ before /api
        wide = {route.match.segments: route for _, route in found if route.match.path is None}
        found += [
            (location, route)
            for location, why in left_out
            if (route := self._shadow(location, why, wide))
        ]
        before = len(self._imported.routes)
        for host in server.hosts:
            for _, route in found:
                self._add_for(host, route, is_first=host == server.hosts[0])
        added = self._imported.routes[before:]
        order = {host: index for index, host in enumerate(server.hosts)}
        added.sort(key=lambda one: (order[one.match.host], one.place))
        for one in added:
            one.name = self._imported.route_names.give(f"{one.match.host or ''}{one.match.begins}")
        self._imported.routes[before:] = added

    def _add_for(self, host: str | None, route: Route, is_first: bool) -> None:
        self._imported.add(
            Route(
                route.name,
                route.place,
                route.origin,
                replace(route.match, host=host),
                dict(route.settings),
                list(route.notes) if is_first else [],
            )
        )

    def _of_server(self, server: Server) -> Iterator[Location]:
        if server.scope.named("return"):
            for one in server.scope.named("location", "rewrite"):
                text = f"{one}: never reached, the server's `return` comes first"
                self._imported.notes.append(Note(one.place, text))
            yield Location(
                Directive("server", server.directive.place), server.scope, "/", whole=False
            )
            return
        for one in server.scope.named("rewrite"):
            yield from self._of_rewrite(one, server.scope)
        yield from self._within(server.scope)

    def _of_rewrite(self, one: Directive, scope: Scope) -> Iterator[Location]:
        redirect = redirect_of(one)
        if redirect is None:
            text = f"{one}: not understood; only plain redirects are at this place"
            self._imported.notes.append(Note(one.place, text))
            return
        yield Location(one, Scope([one], scope), redirect.literal or "/", redirect.whole)

    def _within(self, scope: Scope) -> Iterator[Location]:
        for one in scope.named("location"):
            inner = Scope(one.block or [], scope)
            location = _located(one, inner)
            if isinstance(location, Note):
                self._imported.notes.append(location)
            else:
                yield location
            yield from self._within(inner)

    def _route(self, location: Location) -> Route | None:
        route = Route("", location.directive.place, location.origin, location.match)
        route.notes += location.notes
        if not self._handlers.handle(route, location.scope, location.text, location.whole):
            return None
        self._policies.put(route, location.scope)
        if "service" in route.settings:
            put_retries(route, location.scope, self._imported)
        route.notes += location.remarks
        return route

    def _shadow(
        self, location: Location, why: str, wide: dict[tuple[str, ...], Route]
    ) -> Route | None:
        """An answer in place of a location that is left out, if another route would get its requests."""
        notes = [*location.notes, *location.remarks]
        segments = location.match.segments
        around = (wide.get(segments[:count]) for count in range(len(segments), -1, -1))
        covering = next(filter(None, around), None)
        if covering is None:
            text = f"{location.origin}: left out, {why}"
            self._imported.notes += [Note(location.directive.place, text), *notes]
            return None
        text = f"{why}: answered 404, so that {covering.origin} does not get its requests"
        return Route(
            "",
            location.directive.place,
            location.origin,
            location.match,
            {"respond": {"status": 404}},
            [Note(location.directive.place, text), *notes],
        )


def add_rest(imported: Imported, servers: Iterable[Server]) -> None:
    """Answer the paths that a server has no location for, which must not go to other servers' routes."""
    hosts = {route.match.host for route in imported.routes}
    whole = {route.match.host for route in imported.routes if route.match.identity == _all(route)}
    for server in servers:
        for host in server.hosts:
            if host is None or host in whole or not any(_is_wider(other, host) for other in hosts):
                continue
            name = imported.route_names.give(f"{host}_rest")
            match = Match(host=host, prefix="/")
            origin = f"server {host}: its other paths, which nginx looks for as files"
            settings: dict[str, Value] = {"respond": {"status": 404}}
            imported.add(Route(name, server.directive.place, origin, match, settings))


def remarks(directives: Iterable[Directive]) -> list[Note]:
    """A comment for each directive that does not become a key of our file."""
    return [Note(one.place, hint_for(one)) for one in directives if not _is_used(one)]


def _is_used(one: Directive) -> bool:
    if one.name in ("add_header", "proxy_set_header") and one.args:
        name = one.args[0].lower()
        return name.startswith("access-control-") or name == "host"
    return one.name in UNDERSTOOD or one.name in RESTRICTING


def _located(one: Directive, scope: Scope) -> Location | Note:
    args = one.args
    if len(args) == 1 and (glued := _MODIFIER.fullmatch(args[0])):
        args = [glued[1], glued[2]]
    modifier, text = args if len(args) == 2 else ("", "".join(args))
    if text.startswith("@"):
        return Note(one.place, f"{one}: named locations are not understood")
    if modifier in ("~", "~*"):
        pattern = _plain(text) if modifier == "~" else None
        if pattern is None:
            return _elsewhere(one, "only a regular expression that is a plain ^/path is understood")
        note = Note(
            one.place, "nginx tries regular expressions before longer prefixes, Lockgate does not"
        )
        return Location(one, scope, pattern[0], pattern[1], (note, *_nearly(one.place, *pattern)))
    whole = modifier == "="
    if (path_of(text) if whole else prefix_of(text)) is None:
        return _elsewhere(one, "not a path that Lockgate can match")
    return Location(one, scope, text, whole, _nearly(one.place, text, whole))


def _elsewhere(one: Directive, why: str) -> Note:
    admitted = ", which admit those that it refuses" if refuses(one) else ""
    return Note(one.place, f"{one}: left out, {why}; its requests go to other routes{admitted}")


def _plain(expression: str) -> tuple[str, bool] | None:
    if not expression.startswith("^/"):
        return None
    pattern = pattern_of(expression) or pattern_of(f"{expression}(.*)$")
    return None if pattern is None else (pattern.literal, pattern.whole)


def _nearly(place: Place, text: str, whole: bool) -> tuple[Note, ...]:
    """How a prefix differs: nginx compares bytes, Lockgate segments."""
    if whole or text == "/":
        return ()
    if text.endswith("/"):
        return (Note(place, f"Lockgate takes {text[:-1]} too, which nginx leads to {text}"),)
    return (Note(place, f"nginx takes {text}x too, Lockgate whole segments only"),)


def _all(route: Route) -> object:
    return Match(host=route.match.host, prefix="/").identity


def _is_wider(other: str | None, host: str) -> bool:
    if other is None or other == host:
        return other is None
    return other.startswith("*.") and host.removeprefix("*").endswith(other[1:])
