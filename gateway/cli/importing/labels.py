"""Reads Traefik's labels on the services of a compose file."""

from collections.abc import Iterator, Sequence

from gateway.cli.importing.model import Note, Place
from gateway.cli.importing.tree import MAX_DEPTH, Entry, Items, Table, Text
from gateway.cli.importing.variables import with_defaults

_PREFIX = "traefik."
_HTTP = "traefik.http."


class Labels:
    """The section `http` that the labels of all services come to."""

    def __init__(self) -> None:
        self.http = Table(Place("", 0))
        self.notes: list[Note] = []

    def read(self, name: str, service: Table, port: int | None) -> bool:
        """Take the labels of a service, whose port is `port` unless they say it.

        False: it has none that say anything of it.
        """
        labels = list(self._labels(service))
        for key, text in labels:
            if key.lower() == "traefik.enable" and text.value.strip().lower() != "true":
                self.notes.append(Note(text.place, f"{name}: left out, as this label says"))
                return True
        if not any(key.lower().startswith(_HTTP) for key, _ in labels):
            return False
        own = Table(labels[0][1].place)
        for key, text in labels:
            if not key.lower().startswith(_HTTP):
                if key.lower() != "traefik.enable":
                    self.notes.append(Note(text.place, f"{key}: not understood"))
            elif not _put(own, key.split(".")[2:], text):
                self.notes.append(
                    Note(text.place, f"{key}: left out, another label says otherwise")
                )
        self._complete(name, own, port)
        self._join(own)
        return True

    def _labels(self, service: Table) -> Iterator[tuple[str, Text]]:
        """Those of Traefik, each with its key."""
        node = service.get("labels")
        if isinstance(node, Table):
            for key, entry in node.entries.items():
                if isinstance(entry.node, Text) and key.lower().startswith(_PREFIX):
                    yield key, Text(entry.place, with_defaults(entry.node, self.notes))
        for one in node.nodes if isinstance(node, Items) else ():
            if isinstance(one, Text) and one.value.lower().startswith(_PREFIX):
                key, _, value = with_defaults(one, self.notes).partition("=")
                yield key.strip(), Text(one.place, value)

    def _complete(self, name: str, own: Table, port: int | None) -> None:
        """Say what Traefik finds by itself: the address, and the service of a router."""
        services = own.table("services")
        if "services" not in own.entries:
            own.entries["services"] = Entry(own.place, services)
        if not services.entries:
            services.entries[name] = Entry(own.place, Table(own.place))
        for entry in services.entries.values():
            if not isinstance(entry.node, Table):
                continue
            if entry.node.entry("loadBalancer") is None:
                entry.node.entries["loadBalancer"] = Entry(entry.place, Table(entry.place))
            balancer = entry.node.table("loadBalancer")
            server = balancer.table("server")
            scheme = server.text("scheme") or "http"
            url = Text(server.place, f"{scheme}://{name}:{server.text('port') or port or ''}")
            address = Table(server.place, {"url": Entry(server.place, url)})
            for key in [key for key in balancer.entries if key.lower() in ("server", "servers")]:
                del balancer.entries[key]
            balancer.entries["servers"] = Entry(server.place, Items(server.place, [address]))
        for entry in own.table("routers").entries.values():
            if isinstance(entry.node, Table) and entry.node.entry("service") is None:
                service = Text(entry.place, next(iter(services.entries)))
                if len(services.entries) == 1:
                    entry.node.entries["service"] = Entry(entry.place, service)

    def _join(self, own: Table) -> None:
        for section, entry in own.entries.items():
            if not isinstance(entry.node, Table):
                continue
            known = self.http.entries.setdefault(section, Entry(entry.place, Table(entry.place)))
            assert isinstance(known.node, Table)
            for name, one in entry.node.entries.items():
                if name in known.node.entries:
                    text = f"{section} {name}: left out, another service has labels of this name"
                    self.notes.append(Note(one.place, text))
                else:
                    known.node.entries[name] = one


def _put(table: Table, path: Sequence[str], text: Text) -> bool:
    """Put a label's value where its key says; False if there is a value on the way already."""
    if not 1 < len(path) <= MAX_DEPTH:
        return False
    for key in path[:-1]:
        entry = table.entry(key)
        if entry is None:
            entry = table.entries[key] = Entry(text.place, Table(text.place))
        if not isinstance(entry.node, Table):
            return False
        table = entry.node
    if table.entry(path[-1]) is not None:
        return False
    table.entries[path[-1]] = Entry(text.place, text)
    return True
