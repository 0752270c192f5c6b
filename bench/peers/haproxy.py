"""HAProxy, with one thread unless said otherwise."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.peers.peer import Launch, Peer, Site, find, version_of
from bench.processes import free_port
from bench.route_set import Route

NAME = "HAProxy"

_COMMON = """
global
    nbthread {threads}
    maxconn 8000
    log stdout len 4096 format raw local0
defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout tunnel 1h
    timeout http-keep-alive 75s
"""
#: One JSON line of the access log.
_LOG = (
    "{"
    '"timestamp":"%tr",'
    '"level":"info",'
    '"event":"request",'
    '"service":"haproxy",'
    '"correlation_id":"%ID",'
    '"method":"%HM",'
    '"path":"%HPO",'
    '"protocol":"%HV",'
    '"status":%ST,'
    '"duration_ms":%Ta,'
    '"client_ip":"%ci",'
    '"user_agent":"%[capture.req.hdr(0),json(utf8s)]",'
    '"route":"%b",'
    '"upstream_instance":"%s",'
    '"upstream_ms":%Tr,'
    '"bytes_in":%U,'
    '"bytes_out":%B'
    "}"
)
_BARE = """
frontend public
    bind 127.0.0.1:{port} backlog 4096
    default_backend small
backend small
    server one 127.0.0.1:{small}
"""
_SAME_WORK = """
frontend public
    bind 127.0.0.1:{port} backlog 4096
    log global
    http-request capture req.hdr(User-Agent) len 128
    log-format '{log_format}'
    unique-id-format %[uuid()]
    http-request set-header X-Correlation-ID %[unique-id]
    http-request set-header X-Forwarded-Proto http unless {{ req.hdr(X-Forwarded-Proto) -m found }}
    http-request set-header X-Forwarded-Host %[req.hdr(Host)] unless {{ req.hdr(X-Forwarded-Host) -m found }}
    http-request set-var(txn.client) req.hdr_ip(X-Forwarded-For,-1) if {{ src 127.0.0.1 }}
    http-request add-header X-Forwarded-For %[src]
    http-request set-src var(txn.client) if {{ var(txn.client) -m found }}
    http-response set-header X-Correlation-ID %[unique-id]
    stick-table type ip size 100k expire 60s store http_req_rate(10s)
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 10000000 }}
{routing}
    use_backend stream if {{ path_beg /api/stream/ }}
backend small
    http-request replace-path /api/bench/(.*) /\\1
    server one 127.0.0.1:{small}
backend stream
    http-request replace-path /api/stream/(.*) /\\1
    server one 127.0.0.1:{stream}
backend routed
    server one 127.0.0.1:{small}
"""
_ALL = "    default_backend small"
#: Both maps are trees: of the path with a star for the value of the template, and of prefixes.
_BY_MAPS = """
    http-request set-var-fmt(txn.path) %[req.hdr(Host)]/%[path,field(2,/)]/%[path,field(3,/)]/*/%[path,field(5,/,0)]
    http-request set-var(txn.route) var(txn.path),map_str({templates})
    http-request set-var(txn.route) base,map_beg({prefixes}) unless {{ var(txn.route) -m found }}
    use_backend %[var(txn.route)] if {{ var(txn.route) -m found }}
    use_backend small if {{ path_beg /api/bench/ }}
"""
#: In front of these come the backends of services whose servers are added later.
_RUNTIME = """
frontend public
    bind 127.0.0.1:{port} backlog 4096
    use_backend %[path,field(3,/)] if {{ path_beg /api/ }}
backend bench
    http-request replace-path /api/[^/]*/(.*) /\\1
    server one 127.0.0.1:{small}
"""
_NEW_SERVICE = """
backend {service}
    balance leastconn
    option httpchk GET /small
    http-request replace-path /api/[^/]*/(.*) /\\1
"""


def peers(routes: Sequence[Route] = (), workers: int = 1) -> list[Peer]:
    """The bare one and the one that does the same work; the latter has the routes too."""
    binary = find("haproxy")
    if binary is None:
        return []
    version = version_of([binary, "-v"], word="version ").partition("-")[0]

    def peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            text = _COMMON.format(threads=workers)
            text += (_SAME_WORK if same_work else _BARE).format(
                port=site.port,
                small=site.small_port,
                stream=site.stream_port,
                log_format=_LOG,
                routing=_by_maps(site, routes) if routes else _ALL,
            )
            return Launch([binary, "-db", "-f", site.write("haproxy.cfg", text)])

        return Peer(NAME, version, same_work, launch)

    return [peer(False), peer(True)]


def _by_maps(site: Site, routes: Sequence[Route]) -> str:
    templates, prefixes = maps(routes)
    return _BY_MAPS.format(
        templates=site.write("templates.map", templates),
        prefixes=site.write("prefixes.map", prefixes),
    )


def maps(routes: Sequence[Route]) -> tuple[str, str]:
    """The map of the routes with a template, and that of the others."""
    templates = (f"{r.host}{r.template.replace('{id}', '*')}" for r in routes if r.has_template)
    prefixes = (f"{r.host}{r.prefix}/" for r in routes if not r.has_template)
    return _map(templates), _map(prefixes)


def _map(keys: Iterable[str]) -> str:
    return "".join(f"{key} routed\n" for key in keys)


@dataclass(frozen=True, slots=True)
class Runtime:
    """An HAProxy whose services `many`, `new0`, `new1`, … get servers only by its runtime API."""

    peer: Peer
    admin_port: int

    async def enter(self, service: str, instance_id: str, port: int) -> None:
        server = f"{service}/{instance_id}"
        await self._say(
            f"add server {server} 127.0.0.1:{port} check inter 5s rise 1",
            f"enable health {server}",
            f"set server {server} state ready",
        )

    async def take_out(self, service: str, instance_id: str) -> None:
        await self._say(f"set server {service}/{instance_id} state maint")

    async def _say(self, *commands: str) -> None:
        """Send all commands in one line: after a line it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin_port)
        try:
            writer.write(";".join(commands).encode() + b"\n")
            await reader.read(-1)
        finally:
            writer.transport.abort()


def runtime(services: int) -> Runtime | None:
    """An HAProxy for this many later services; None if it is not installed."""
    binary = find("haproxy")
    if binary is None:
        return None
    admin_port = free_port()
    socket = f"global\n    stats socket ipv4@127.0.0.1:{admin_port} level admin\n"
    names = ["many", *(f"new{number}" for number in range(services))]
    new = "".join(_NEW_SERVICE.format(service=name) for name in names)

    def launch(site: Site) -> Launch:
        common = _COMMON.format(threads=1)
        text = socket + common + _RUNTIME.format(port=site.port, small=site.small_port) + new
        return Launch([binary, "-db", "-f", site.write("haproxy.cfg", text)])

    version = version_of([binary, "-v"], word="version ").partition("-")[0]
    return Runtime(Peer(NAME, version, True, launch), admin_port)
