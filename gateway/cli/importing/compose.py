"""Reads the services of a compose file, and the labels of Traefik on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.cli.importing.labels import Labels
from gateway.cli.importing.model import AMBIGUOUS, TIMES, Imported, Note, Place, Service, Value
from gateway.cli.importing.traefik.reader import add_http
from gateway.cli.importing.tree import Items, Table, Text
from gateway.cli.importing.values import duration_of, milliseconds_of, path_of, url_of
from gateway.cli.importing.variables import with_defaults

#: Ports of protocols other than HTTP.
_OTHER_PORTS = {
    22: "SSH", 25: "SMTP", 53: "DNS", 1433: "SQL Server", 1521: "Oracle", 2181: "ZooKeeper", 3306: "MySQL",
    4222: "NATS", 5432: "PostgreSQL", 5672: "AMQP", 6379: "Redis", 9042: "Cassandra", 9092: "Kafka",
    11211: "memcached", 26257: "CockroachDB", 27017: "MongoDB",
}  # fmt: skip
_IMAGES = """
    postgres postgresql postgis timescaledb mysql mariadb percona mongo mongodb redis valkey keydb memcached
    rabbitmq kafka cp-kafka redpanda zookeeper cassandra cockroach nats mosquitto etcd mssql mcr-mssql
"""
_DATABASES = frozenset(_IMAGES.split())
_TLS_PORTS = frozenset([443, 8443])
#: What is most likely HTTP where a service has several ports.
_USUAL = (80, 8080, 8000, 3000, 5000, 8081, 443, 8443)
_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp))?")
_URL = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[::1\])(?::([0-9]{1,5}))?(/[^\s\"'|;&)]*)?")
_DIFFERENCES = f"""\
Services are asked by their names, so Lockgate has to run in the network of the compose file.
{TIMES}
{AMBIGUOUS}"""
_HINTS = {
    "network_mode": "the service may not be found by its name",
    "profiles": "it runs with these profiles only",
    "scale": "Lockgate finds every copy by the name in DNS",
    "deploy": "Lockgate finds every copy by the name in DNS; the rest is left out",
    "extends": "the other service is not read",
}


@dataclass(slots=True)
class _Container:
    """A service of the compose file, as far as it matters here."""

    name: str
    place: Place
    table: Table
    ports: list[tuple[int, Place]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_compose(root: Table) -> Imported:
    """What the file comes to."""
    imported = Imported()
    imported.differences = _DIFFERENCES.splitlines()
    if (entry := root.entry("include")) is not None:
        imported.notes.append(Note(entry.place, "include: the other files are not read"))
    labels = Labels()
    alone: list[str] = []
    for name, entry in root.table("services").entries.items():
        if not isinstance(entry.node, Table):
            imported.notes.append(Note(entry.place, f"{name}: not understood"))
            continue
        container = _Container(name, entry.place, entry.node)
        _read_ports(container)
        if labels.read(name, container.table, _http_port(container)):
            imported.notes += [*container.notes, *_remarks(container)]
        elif service := _service(container, imported):
            alone.append(service)
    imported.notes += labels.notes
    add_http(labels.http, imported)
    imported.suggestions = list(_suggested(alone))
    return imported


def _service(container: _Container, imported: Imported) -> str | None:
    """Add the service; the name that it has, None if it is left out."""
    why = _left_out(container)
    port = _http_port(container)
    scheme = "https" if port in _TLS_PORTS else "http"
    url = url_of(f"{scheme}://{container.name}:{port}")
    if not why and url is None:
        why = "its name is no host"
    if why or url is None:
        text = f"{container.name}: left out, {why}"
        imported.notes += [Note(container.place, text), *container.notes]
        return None
    name = imported.service_names.give(container.name)
    service = Service(name, container.place, f"service {container.name}", [url])
    service.notes = container.notes
    for other, place in container.ports:
        if other != port:
            service.notes.append(Note(place, f"port {other}: left out, Lockgate takes {port}"))
    if scheme == "https":
        service.notes.append(Note(container.place, f"port {port} is taken for TLS"))
    _read_health(container, service, port)
    service.notes += _remarks(container)
    imported.services.append(service)
    return name


def _left_out(container: _Container) -> str:
    image = container.table.text("image").partition("@")[0].rpartition("/")[2].partition(":")[0]
    if image in _DATABASES:
        return f"{image} speaks no HTTP"
    if image == "traefik":
        return "Lockgate takes its place"
    if not container.ports:
        return "it exposes no port; `expose` would name one"
    if _http_port(container) is None:
        named = (f"{port} is {_OTHER_PORTS[port]}'s" for port, _ in container.ports)
        return f"port {', '.join(named)}"
    return ""


def _http_port(container: _Container) -> int | None:
    """The port that its health check asks, or the one that is most likely HTTP."""
    ports = [port for port, _ in container.ports if port not in _OTHER_PORTS]
    asked = _asked(container)
    if asked is not None and int(asked[3] or 80) in ports:
        return int(asked[3] or 80)
    usual = (port for port in _USUAL if port in ports)
    return next(usual, ports[0] if ports else None)


def _read_ports(container: _Container) -> None:
    for key in ("ports", "expose"):
        node = container.table.get(key)
        for one in node.nodes if isinstance(node, Items) else ():
            given = one.text("target") if isinstance(one, Table) else ""
            if isinstance(one, Table) and one.text("protocol") == "udp":
                given += "/udp"
            if isinstance(one, Text):
                given = with_defaults(one, container.notes).rpartition(":")[2]
            found = _PORT.fullmatch(given)
            if found is None or not 0 < int(found[1]) < 65536:
                container.notes.append(Note(one.place, f"{key}: {given}: not understood"))
            elif found[2] != "udp" and int(found[1]) not in [port for port, _ in container.ports]:
                container.ports.append((int(found[1]), one.place))


def _asked(container: _Container) -> re.Match[str] | None:
    """The URL that the health check asks with curl or wget."""
    test = container.table.get("healthcheck", "test")
    words = (
        [one.value for one in test.nodes if isinstance(one, Text)]
        if isinstance(test, Items)
        else []
    )
    line = test.value if isinstance(test, Text) else " ".join(words)
    found = _URL.search(line) if "curl" in line or "wget" in line else None
    return found if found is None or int(found[3] or 80) < 65536 else None


def _read_health(container: _Container, service: Service, port: int | None) -> None:
    check = container.table.table("healthcheck")
    if not check.entries:
        return
    asked = _asked(container)
    path = path_of(asked[4] or "/") if asked is not None else None
    if asked is None or path is None or int(asked[3] or 80) != port:
        text = "healthcheck: not a request that is understood; Lockgate probes by a connection"
        service.notes.append(Note(container.table.place_of("healthcheck"), text))
        return
    health: dict[str, Value] = {"path": path}
    interval = milliseconds_of(check.text("interval"))
    if interval is not None:
        health["interval"] = duration_of(min(max(interval, 50), 3_600_000))
    service.health = health


def _remarks(container: _Container) -> Iterator[Note]:
    for key, entry in container.table.entries.items():
        if key in _HINTS:
            yield Note(entry.place, f"{key}: {_HINTS[key]}")


def _suggested(names: list[str]) -> Iterator[str]:
    if not names:
        return
    yield "The compose file does not say which paths go to these services. For example:"
    yield "routes:"
    for name in names:
        yield f"  - {{name: {name}, match: {{prefix: /{name}}}, service: {name}, rewrite: {{strip: /{name}}}}}"
