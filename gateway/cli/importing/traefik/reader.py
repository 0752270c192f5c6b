"""Reads Traefik's routers, services and middlewares."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.cli.importing.model import AMBIGUOUS, TIMES, Imported, Match, Note, Place, Route, Value
from gateway.cli.importing.traefik.middlewares import Middlewares
from gateway.cli.importing.traefik.priorities import Ranked, note_other_order
from gateway.cli.importing.traefik.rules import NotUnderstood, matches_of
from gateway.cli.importing.traefik.services import Services
from gateway.cli.importing.tree import Table

#: Keys of a router that are read.
_ROUTER = frozenset(
    ["rule", "service", "middlewares", "priority", "entrypoints", "tls", "rulesyntax"]
)
#: Entry points for the web; others are not public as a rule.
_PUBLIC = frozenset(["web", "websecure", "http", "https"])
_HINTS = {
    "entrypoints": "GATEWAY_HOST and GATEWAY_PORT say where Lockgate listens",
    "providers": "services register themselves, or stand in `services`",
    "certificatesresolvers": "tls.acme gets certificates",
    "tls": "the section tls has certificates, one for each name",
    "log": "LOG_LEVEL and LOG_FORMAT say it",
    "accesslog": "Lockgate logs every request as JSON on standard output",
    "metrics": "Lockgate's figures are at /metrics",
    "tracing": "Lockgate exports no spans yet",
    "api": "Lockgate's own page is at /",
    "ping": "Lockgate answers /health and /ready",
    "global": "not needed",
    "tcp": "Lockgate passes on HTTP only",
    "udp": "Lockgate passes on HTTP only",
    "serverstransport": "certificates of services are checked against those of the system",
}
DIFFERENCES = f"""\
Where the file is silent, defaults differ: Traefik waits 30s to connect, and as long as an answer takes;
{TIMES}
{AMBIGUOUS}"""
_READ = frozenset(["routers", "services", "middlewares"])


@dataclass(frozen=True, slots=True)
class _Router:
    name: str
    place: Place
    table: Table
    leads_away: bool


def read_traefik(root: Table) -> Imported:
    """What a file comes to."""
    imported = Imported(differences=DIFFERENCES.splitlines())
    for key, entry in root.entries.items():
        if key.lower() != "http":
            hint = _HINTS.get(key.lower(), "not understood")
            imported.notes.append(Note(entry.place, f"{key}: {hint}"))
    add_http(root.table("http"), imported, _entry_points(root.table("entryPoints")))
    return imported


def add_http(
    http: Table, imported: Imported, points: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Add what the section `http` has; `points` are the middlewares of entry points."""
    for key, entry in http.entries.items():
        if key.lower() not in _READ:
            imported.notes.append(Note(entry.place, f"http.{key}: not understood"))
    services = Services(http.table("services"), imported)
    middlewares = Middlewares(http.table("middlewares"), imported)
    ranked: list[Ranked] = []
    # Of two with the same rule the first one is imported: not one that only leads to https, else the
    # one that Traefik takes.
    routers = sorted(
        _routers(http.table("routers"), middlewares, imported),
        key=lambda one: (one.leads_away, -_priority(one.table)),
    )
    for router in routers:
        names = [*_of_points(router, points or {}), *router.table.texts("middlewares")]
        ranked += _add(router, names, services, middlewares, imported)
    imported.routes.sort(key=lambda route: route.place)
    kept = {id(route) for route in imported.routes}
    imported.notes += note_other_order([one for one in ranked if id(one.route) in kept])


def _entry_points(table: Table) -> dict[str, list[str]]:
    """The middlewares of each entry point, which come before those of its routers."""
    return {name: table.table(name, "http").texts("middlewares") for name in table.entries}


def _of_points(router: _Router, points: Mapping[str, Sequence[str]]) -> Iterator[str]:
    own = router.table.texts("entryPoints") or list(points)
    used = (name for point in own for name in points.get(point, ()))
    yield from dict.fromkeys(used)


def _routers(table: Table, middlewares: Middlewares, imported: Imported) -> Iterator[_Router]:
    """The routers of the first one's entry points; Lockgate has one port."""
    public: frozenset[str] = frozenset()
    for name, entry in table.entries.items():
        if not isinstance(entry.node, Table):
            imported.notes.append(Note(entry.place, f"router {name}: not understood"))
            continue
        points = frozenset(entry.node.texts("entryPoints"))
        if points and not public:
            public = points | (_PUBLIC if points & _PUBLIC else frozenset())
        if points and not points & public:
            text = (
                f"router {name}: left out, its entry points are not those of the first router; Lockgate has "
                "one port, so import it on its own for another gateway"
            )
            imported.notes.append(Note(entry.place, text))
            continue
        leads_away = middlewares.leads_away(entry.node.texts("middlewares"))
        yield _Router(name, entry.place, entry.node, leads_away)


def _add(
    router: _Router,
    names: list[str],
    services: Services,
    middlewares: Middlewares,
    imported: Imported,
) -> Iterator[Ranked]:
    table = router.table
    rule, service = table.text("rule"), table.text("service")
    place = table.place_of("rule")
    origin = f"router {router.name}"
    try:
        matches = matches_of(rule)
    except NotUnderstood as error:
        without = f", without {', '.join(names)}" if names else ""
        text = f"{origin}: left out, its rule is not understood: {error}; its requests go to other routes{without}"
        imported.notes.append(Note(place, text))
        return
    if service.endswith("@internal") and not router.leads_away:
        imported.notes.append(Note(router.place, f"{origin}: left out, {service} is Traefik's own"))
        return
    for index, match in enumerate(matches):
        name = imported.route_names.give(router.name.partition("@")[0])
        route = Route(name, router.place, f"{origin}, {rule}" if index == 0 else origin, match)
        _put_service(route, table, services)
        middlewares.put(names, route, table.place_of("middlewares"))
        if (options := table.table("tls").text("options")) not in ("", "default"):
            route.close(
                table.place_of("tls"), f"tls.options {options} may ask for certificates of clients"
            )
        route.notes += _notes(table, match, place)
        imported.add(route)
        yield Ranked(route, _priority(table), table.place_of("priority"))


def _put_service(route: Route, table: Table, services: Services) -> None:
    given = table.text("service")
    service = services.find(given)
    if service is not None:
        route.settings["service"] = service
        if not services.preserves_host(given):
            route.settings["preserve_host"] = False
        return
    answer: dict[str, Value] = {"status": 503}
    route.settings["respond"] = answer
    if not given.endswith("@internal"):
        text = f"service {given}: not in this file or not understood, so it is answered 503"
        route.notes.append(Note(table.place_of("service"), text))


def _notes(table: Table, match: Match, place: Place) -> Iterator[Note]:
    if match.prefix not in (None, "/"):
        text = f"Traefik takes {match.prefix}x too, Lockgate whole segments only"
        if match.begins.endswith("/"):
            text = f"Lockgate takes {match.begins[:-1]} too"
        yield Note(place, text)
    for key, entry in table.entries.items():
        if key.lower() not in _ROUTER:
            yield Note(entry.place, f"{key}: not understood")
    if (points := table.entry("entryPoints")) is not None:
        names = ", ".join(table.texts("entryPoints"))
        yield Note(points.place, f"entryPoints {names}: Lockgate has one port")
    if (tls := table.entry("tls")) is not None:
        yield Note(tls.place, "tls: the section tls has certificates, for all routes")


def _priority(table: Table) -> int:
    given = table.text("priority")
    if given.isascii() and given.isdigit() and len(given) < 10 and int(given):
        return int(given)
    return len(table.text("rule"))
