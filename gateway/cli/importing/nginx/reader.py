"""Reads a file of nginx with those that it includes."""

from gateway.cli.importing.files import Included
from gateway.cli.importing.model import AMBIGUOUS, TIMES, Imported, Limit, Note
from gateway.cli.importing.nginx.handlers import Handlers
from gateway.cli.importing.nginx.hints import hint_for
from gateway.cli.importing.nginx.locations import Locations, add_rest, remarks
from gateway.cli.importing.nginx.policies import InFlight, Policies, limit_of
from gateway.cli.importing.nginx.scopes import Scope, with_included
from gateway.cli.importing.nginx.servers import servers_of
from gateway.cli.importing.nginx.syntax import Directive, parse
from gateway.cli.importing.nginx.upstreams import Upstreams

_DIFFERENCES = f"""\
Where the file is silent, defaults differ: nginx waits 60s to connect and 60s for each piece of an answer;
{TIMES}
nginx refuses bodies over 1 MiB, Lockgate none (MAX_BODY_BYTES, or max_body of a route).
{AMBIGUOUS}"""


#: They stand in `http`, wherever the file is included.
_ZONES = ("limit_req_zone", "limit_conn_zone")


def read_nginx(text: str, file: str, included: Included) -> Imported:
    """What the text comes to, with the files that it may include. Unreadable: it is not nginx's syntax."""
    imported = Imported(differences=_DIFFERENCES.splitlines())
    main = with_included(parse(text, file), included, imported.notes)
    scope = Scope(_http(main))
    if any(one.name == "http" for one in main):
        imported.notes += remarks(main)
    imported.notes += remarks(scope.directives)
    limits, in_flight = _limits(scope, imported), _in_flight(scope, imported)
    upstreams = Upstreams(scope.named("upstream"), imported)
    servers = servers_of(scope.named("server"), scope, imported.notes)
    locations = Locations(imported, Handlers(upstreams), Policies(limits, in_flight))
    for server in servers:
        imported.notes += remarks(server.scope.directives)
        locations.add(server)
    add_rest(imported, servers)
    upstreams.finish()
    return imported


def _http(main: list[Directive]) -> list[Directive]:
    """The directives of `http`, or of a file that is included within it or within a server."""
    blocks = [one for one in main if one.name == "http"]
    if blocks:
        return [inner for one in blocks for inner in one.block or ()]
    if any(one.name == "location" for one in main):
        last = max(one.last_line for one in main)
        inner = [one for one in main if one.name not in ("upstream", *_ZONES)]
        server = Directive("server", main[0].place, [], inner, last)
        return [server, *(one for one in main if one not in inner)]
    return main


def _limits(scope: Scope, imported: Imported) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}
    for zone in scope.named("limit_req_zone"):
        found = limit_of(zone, imported.limit_names)
        if found is None:
            imported.notes.append(
                Note(zone.place, f"{hint_for(zone)}; its key or rate is not understood")
            )
            continue
        name, limit = found
        limits[name] = limit
        imported.limits.append(limit)
    return limits


def _in_flight(scope: Scope, imported: Imported) -> InFlight:
    in_flight = InFlight(imported)
    for zone in scope.named("limit_conn_zone"):
        if not in_flight.read(zone):
            text = f"{hint_for(zone)}; its key is not understood"
            imported.notes.append(Note(zone.place, text))
    return in_flight
