"""Which of nginx's servers are imported, and for which hosts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.cli.importing.model import Note
from gateway.cli.importing.nginx.scopes import Scope
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.values import host_of

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:]*\]|[^:\[\]/]*):)?(?P<port>[0-9]{1,5})")
_ANYWHERE = frozenset(["", "*", "0.0.0.0", "[::]"])
_TO_HTTPS = re.compile(r"https://\$(host|http_host|server_name)\S*")
_WEB = frozenset(["80", "443"])
Listener = tuple[str, str]


@dataclass(slots=True)
class Server:
    """A server block; a host None stands for those that no other server names."""

    directive: Directive
    scope: Scope
    hosts: list[str | None] = field(default_factory=list)
    listeners: set[Listener] = field(default_factory=set)
    is_default: bool = False
    is_tls: bool = False

    @property
    def only_leads_to_https(self) -> bool:
        """As certbot writes it too: an `if` for each host, and `return 404` for the rest."""
        found = self.scope.named("return")
        for one in self.scope.named("location", "if"):
            found += [inner for inner in one.block or () if inner.name == "return"]
            if any(inner.name == "proxy_pass" for inner in one.block or ()):
                return False
        targets = [one.args[-1] for one in found if one.args and one.args != ["404"]]
        return bool(targets) and all(map(_TO_HTTPS.fullmatch, targets)) and not self.is_tls


def servers_of(blocks: Iterable[Directive], outer: Scope, notes: list[Note]) -> list[Server]:
    """The servers that Lockgate can be, which has one port; a note for each that is left out."""
    servers = [_server(one, outer, notes) for one in blocks]
    first = next((one for one in servers if not one.only_leads_to_https), None)
    if first is None:
        text = "it leads to https whatever the request came by; tls.redirect_from does that for a port of plain HTTP"
        notes += [Note(one.directive.place, text) for one in servers if one.only_leads_to_https]
        return servers
    taken = []
    for one in servers:
        if one.only_leads_to_https:
            text = "server: left out, it leads to https: tls.redirect_from does that"
            notes.append(Note(one.directive.place, text))
        elif not one.listeners & first.listeners:
            own, others = _spelled(one.listeners), _spelled(first.listeners)
            text = (
                f"server: left out, it listens at {own} and the first one at {others}; Lockgate has one port, "
                "so import this server on its own for another gateway"
            )
            notes.append(Note(one.directive.place, text))
        elif one.hosts:
            taken.append(one)
        else:
            text = "server: left out, none of its names is understood"
            notes.append(Note(one.directive.place, text))
    _find_hosts_of_default(taken, notes)
    return taken


def _server(block: Directive, outer: Scope, notes: list[Note]) -> Server:
    server = Server(block, Scope(block.block or [], outer))
    for one in server.scope.named("listen"):
        found = _ADDRESS.fullmatch(one.args[0]) if one.args else None
        host, port = (
            (found["host"] or "", found["port"]) if found else ("".join(one.args[:1]), "80")
        )
        server.listeners.add((("" if host in _ANYWHERE else host), "web" if port in _WEB else port))
        server.is_default |= bool({"default_server", "default"} & set(one.args))
        server.is_tls |= "ssl" in one.args
        tls = "; the section tls has certificates" if "ssl" in one.args else ""
        notes.append(Note(one.place, f"{one}: GATEWAY_HOST and GATEWAY_PORT say it{tls}"))
    if not server.listeners:
        server.listeners.add(("", "web"))
    for one in server.scope.named("server_name"):
        for name in one.args:
            _add_host(server, name, one, notes)
    if not any(one.args for one in server.scope.named("server_name")):
        server.hosts.append(None)
    return server


def _add_host(server: Server, name: str, one: Directive, notes: list[Note]) -> None:
    hosts: list[str | None]
    if name in ("_", ""):
        if not server.is_default:
            text = f"{one}: taken for every other host, which nginx does only with default_server"
            notes.append(Note(one.place, text))
        hosts = [None]
    elif name.startswith(".") and (host := host_of(name[1:])) and "*" not in host:
        hosts = [host, f"*.{host}"]
    elif known := host_of(name):
        hosts = [known]
    else:
        hint = ", the name has to begin with `*.`" if "*" in name else ""
        notes.append(Note(one.place, f"server_name {name}: not understood{hint}"))
        return
    server.hosts += [host for host in hosts if host not in server.hosts]


def _find_hosts_of_default(servers: Sequence[Server], notes: list[Note]) -> None:
    """The default server takes the hosts that no server names."""
    default = next((one for one in servers if one.is_default), None)
    if default is not None:
        if None not in default.hosts:
            default.hosts.append(None)
    elif servers and not any(None in one.hosts for one in servers):
        text = "nginx sends hosts that no server names here, to the first one; Lockgate answers them 404"
        notes.append(Note(servers[0].directive.place, text))


def _spelled(listeners: Iterable[Listener]) -> str:
    ports = (f"{host}:{port}" if host else port for host, port in sorted(listeners))
    return ", ".join(ports).replace("web", "80 or 443")
