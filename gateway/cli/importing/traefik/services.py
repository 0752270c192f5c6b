"""Makes services of Traefik's load balancers."""

from gateway.cli.importing.model import Imported, Note, Place, Service, Value
from gateway.cli.importing.tree import Table
from gateway.cli.importing.values import duration_of, milliseconds_of, path_of, url_of

_HEALTH = frozenset(["path", "interval", "status"])
_LEAST_MS, _MOST_MS = 50, 3_600_000
#: Keys of a load balancer, and how Lockgate differs.
_HINTS = {
    "sticky": "balance can hash a cookie that the service sets: {by: {hash: {cookie: NAME}}}",
    "strategy": "Lockgate chooses the least loaded instance",
    "serverstransport": "certificates of services are checked against those of the system",
    "responseforwarding": "not needed, Lockgate streams answers",
}

#: Its strategies that Lockgate has too; hrw hashes the client's address.
_STRATEGIES: dict[str, Value] = {"wrr": "round_robin", "p2c": "p2c", "hrw": {"hash": "client"}}


class Services:
    """The services of a file by their names in Traefik, and the names in ours."""

    def __init__(self, table: Table, imported: Imported) -> None:
        self._names: dict[str, str] = {}
        self._preserve_host: dict[str, bool] = {}
        for name, entry in table.entries.items():
            balancer = entry.node.get("loadBalancer") if isinstance(entry.node, Table) else None
            if isinstance(balancer, Table):
                self._add(name, entry.place, balancer, imported)
            else:
                text = f"service {name}: left out, only a loadBalancer with servers is understood"
                imported.notes.append(Note(entry.place, text))

    def find(self, name: str) -> str | None:
        """The name in our file; None if the service is not there or could not be imported."""
        return self._names.get(name.partition("@")[0])

    def preserves_host(self, name: str) -> bool:
        return self._preserve_host.get(name.partition("@")[0], True)

    def _add(self, name: str, place: Place, balancer: Table, imported: Imported) -> None:
        service = Service(imported.service_names.give(name), place, f"service {name}")
        for server in balancer.tables("servers"):
            _add_server(server, service)
        _add_health(balancer, service)
        way = _STRATEGIES.get(balancer.text("strategy").lower())
        if way is not None:
            service.balance = {"by": way}
        for key, entry in balancer.entries.items():
            if key.lower() == "strategy" and way is not None:
                continue
            if key.lower() not in ("servers", "healthcheck", "passhostheader"):
                hint = _HINTS.get(key.lower(), "not understood")
                service.notes.append(Note(entry.place, f"{key}: {hint}"))
        if not service.urls:
            text = f"service {name}: left out, none of its addresses can be used"
            imported.notes += [Note(place, text), *service.notes]
            return
        self._names[name] = service.name
        self._preserve_host[name] = balancer.text("passHostHeader").lower() != "false"
        imported.services.append(service)


def _add_server(server: Table, service: Service) -> None:
    given = server.text("url")
    place = server.place_of("url")
    scheme, _, rest = given.partition("://")
    address, slash, path = rest.partition("/")
    url = url_of(f"{scheme}://{address}")
    if url is None:
        service.notes.append(Note(place, f"{given}: left out, not a URL that Lockgate can use"))
        return
    if slash and path:
        text = f"{given}: without its path, as Traefik takes it; rewrite.prefix of a route adds one"
        service.notes.append(Note(place, text))
    service.urls.append(url)
    for key, entry in server.entries.items():
        if key.lower() != "url":
            hint = "the instances get equal shares" if key.lower() == "weight" else "not understood"
            service.notes.append(Note(entry.place, f"{key}: {hint}"))


def _add_health(balancer: Table, service: Service) -> None:
    check = balancer.table("healthCheck")
    given = check.text("path")
    if not check.entries:
        return
    path = path_of(given if given.startswith("/") else f"/{given}")
    if path is None:
        place = check.place_of("path")
        service.notes.append(
            Note(place, "healthCheck: not a path that Lockgate can ask; a connection is")
        )
        return
    health: dict[str, Value] = {"path": path}
    interval = milliseconds_of(check.text("interval"))
    if interval is not None:
        health["interval"] = duration_of(min(max(interval, _LEAST_MS), _MOST_MS))
    status = check.text("status")
    is_status = (
        len(status) == 3 and status.isascii() and status.isdigit() and "200" <= status <= "599"
    )
    health["statuses"] = [int(status)] if is_status else ["200-399"]
    service.health = health
    for key, entry in check.entries.items():
        if key.lower() not in _HEALTH:
            text = (
                f"healthCheck.{key}: not understood; HEALTH_CHECK_TIMEOUT is the time for a probe"
            )
            if key.lower() != "timeout":
                text = f"healthCheck.{key}: not understood"
            service.notes.append(Note(entry.place, text))
