"""nginx, as a peer and as the origin of the small document.

Its bodies pass through large buffers, because without them it reads 4 KiB at a time and needs three times the CPU.
"""

from collections import defaultdict
from collections.abc import Sequence

from bench.answers import ITEMS, LARGE, OPENAPI, PAGE, SMALL, SMALL_ID
from bench.peers.peer import Launch, Peer, Site, find, version_of
from bench.route_set import Route

NAME = "nginx"

_MAIN = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{inside}
}}
"""
_UPSTREAMS = """
    upstream small {{
        server 127.0.0.1:{small}; keepalive 128; keepalive_requests 1000000000;
    }}
    upstream stream {{
        server 127.0.0.1:{stream}; keepalive 16;
    }}
    proxy_http_version 1.1;
"""
_BARE = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://small; proxy_set_header Connection ""; }}
    }}
"""
_SAME_WORK = """
    log_format access escape=json '{{"timestamp":"$time_iso8601","level":"info","event":"request",'
        '"service":"nginx","correlation_id":"$request_id","method":"$request_method","path":"$uri",'
        '"protocol":"$server_protocol","status":$status,"duration_ms":$request_time,'
        '"client_ip":"$remote_addr","user_agent":"$http_user_agent","route":"$proxy_host",'
        '"upstream_instance":"$upstream_addr","upstream_ms":"$upstream_response_time",'
        '"bytes_in":$request_length,"bytes_out":$body_bytes_sent}}';
    limit_req_zone $binary_remote_addr zone=clients:10m rate=1000000r/s;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    map $http_x_forwarded_for $forwarded_for {{
        default "$http_x_forwarded_for, $realip_remote_addr";
        "" $remote_addr;
    }}
    map $http_x_forwarded_proto $forwarded_proto {{
        default $http_x_forwarded_proto;
        "" $scheme;
    }}
    map $http_x_forwarded_host $forwarded_host {{
        default $http_x_forwarded_host;
        "" $http_host;
    }}
    map $http_upgrade $upgrades {{ default upgrade; "" ""; }}
    access_log {folder}/access.log access buffer=64k flush=1s;
    limit_req zone=clients burst=100000 nodelay;
    client_max_body_size 0;
    proxy_set_header Connection $upgrades;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Host $http_host;
    proxy_set_header X-Correlation-ID $request_id;
    proxy_set_header X-Forwarded-For $forwarded_for;
    proxy_set_header X-Forwarded-Proto $forwarded_proto;
    proxy_set_header X-Forwarded-Host $forwarded_host;
    add_header X-Correlation-ID $request_id always;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /api/bench/ {{ proxy_pass http://small/; }}
        location /api/stream/ {{
            proxy_pass http://stream/;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 1h;
        }}
        location /api/stream/bytes/ {{
            proxy_pass http://stream/bytes/;
            proxy_max_temp_file_size 0;
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
        }}
    }}
"""
#: Of a host with configured routes.
_HOST = """
    server {{
        listen 127.0.0.1:{port};
        server_name {host};
{locations}
    }}
"""
_PREFIX = "location {prefix}/ {{ proxy_pass http://small; }}"
#: Expressions of a server are tried one after the other, those within a prefix only below it.
_TEMPLATE = "location {prefix}/ {{ location ~ ^{expression}$ {{ proxy_pass http://small; }} }}"
#: SSI has an answer sent in chunks, and leaves a 304 without Content-Length.
_ORIGIN = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type application/json;
        etag off;
        ssi_types application/json;
        ssi_last_modified on;
        add_header ETag '"$request_id"';
        add_header X-Request-Id $request_id;
        location = /unique {{ return 200 '{document}'; }}
        location ~ /unique$ {{ return 200 '{document}'; }}
        location = /chunked {{ ssi on; return 200 '{document}'; }}
        location = /unmodified {{ ssi on; return 304 '-'; }}
        location = /items {{ alias {items}; }}
        location = /page {{ alias {page}; }}
        location = /large {{ alias {large}; }}
        location = /openapi.json {{ alias {openapi}; }}
        location / {{
            add_header ETag '"{id}"';
            add_header X-Request-Id {id};
            return 200 '{document}';
        }}
    }}
"""


def peers(routes: Sequence[Route] = (), workers: int = 1) -> list[Peer]:
    """The bare one and the one that does the same work; the latter has the routes too."""
    binary = find(NAME)
    if binary is None:
        return []
    version = version_of([binary, "-v"], word="nginx/")

    def launcher(same_work: bool) -> Peer:
        def launched(site: Site) -> Launch:
            inside = _UPSTREAMS + (_SAME_WORK if same_work else _BARE)
            text = inside.format(
                small=site.small_port,
                stream=site.stream_port,
                port=site.port,
                folder=site.folder,
            )
            if same_work:
                text += hosts(site.port, routes)
            return launch(site, text, workers)

        return Peer(NAME, version, same_work, launched)

    return [launcher(False), launcher(True)]


def hosts(port: int, routes: Sequence[Route]) -> str:
    """A server for each host, with a location for each of its routes."""
    locations: dict[str, list[str]] = defaultdict(list)
    for route in routes:
        location = _TEMPLATE if route.has_template else _PREFIX
        expression = route.template.replace("{id}", "[^/]+")
        locations[route.host].append(location.format(prefix=route.prefix, expression=expression))
    return "".join(
        _HOST.format(port=port, host=host, locations="\n".join(of_host))
        for host, of_host in locations.items()
    )


def origin(site: Site) -> Launch | None:
    """nginx as an origin that answers as bench.answers does, for less."""
    if find(NAME) is None:
        return None
    inside = _ORIGIN.format(
        port=site.port,
        document=SMALL.decode(),
        items=site.write("items.json", ITEMS.decode()),
        page=site.write("page.json", PAGE.decode()),
        large=site.write("large.json", LARGE.decode()),
        openapi=site.write("openapi.json", OPENAPI.decode()),
        id=SMALL_ID,
    )
    return launch(site, inside)


def launch(site: Site, inside: str, workers: int = 1) -> Launch:
    """nginx with this text inside its `http` block."""
    config = site.write(
        "nginx.conf", _MAIN.format(folder=site.folder, inside=inside, workers=workers)
    )
    return Launch([find(NAME) or NAME, "-p", str(site.folder), "-e", "stderr", "-c", config])
