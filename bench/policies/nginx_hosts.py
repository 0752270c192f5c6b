"""nginx: a server for each policy."""

from collections.abc import Callable
from dataclasses import replace

from bench.peers import nginx
from bench.peers.peer import Launch, Peer, Site
from bench.policies.cases import NONE, host_of

_MAPS = """
    upstream small2 { server 127.0.0.1:SMALL; keepalive 128; keepalive_requests 1000000000; }
    split_clients $request_id $share { 5% small2; * small; }
    split_clients $request_id $sampled { 10% 1; * 0; }
    map $http_accept_version $of_version { default small; "2" small2; }
    map $args $without_debug {
        default $args;
        ~^(?<before>.*)&debug=[^&]*(?<behind>.*)$ $before$behind;
        ~^debug=[^&]*&?(?<rest>.*)$ $rest;
    }
"""
_SERVER = """
    server {{
        listen 127.0.0.1:{port};
        server_name {host};
        {text}
    }}
"""
#: Said again, since a location with one of its own has none of those around it.
_REQUEST_FIELDS = """
            proxy_set_header Connection $upgrades;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header X-Correlation-ID $request_id;
            proxy_set_header X-Forwarded-For $forwarded_for;
            proxy_set_header X-Forwarded-Proto $forwarded_proto;
            proxy_set_header X-Forwarded-Host $forwarded_host;
"""
_PASS = "proxy_pass http://small;"


def _location(text: str) -> str:
    return f"location / {{ {text} }}"


_SERVERS = {
    NONE: _location(_PASS),
    "request-headers": _location(
        f"""{_PASS} {_REQUEST_FIELDS}
            proxy_set_header X-Tenant bench;
            proxy_set_header X-Seen 1;
            proxy_set_header X-Debug "";
            proxy_set_header X-Old "";
            proxy_set_header X-New $http_x_old;"""
    ),
    "response-headers": _location(
        f"""{_PASS} proxy_hide_header Server;
            add_header X-Correlation-ID $request_id always;
            add_header X-Frame-Options DENY always;
            add_header X-Served-By nginx always;"""
    ),
    "query": _location("proxy_pass http://small$uri?$without_debug&v=2;"),
    "json": _location(
        f"""{_PASS} sub_filter_types application/json; sub_filter_once on;
            sub_filter '"internal": {{"node": "orders-7", "cost": 0.0031, "trace": [3, 14, 159]}}, ' '';"""
    ),
    "gzip": _location(
        f"{_PASS} gzip on; gzip_types application/json; gzip_comp_level 5; gzip_min_length 1024; gzip_proxied any;"
    ),
    "versions": _location("proxy_pass http://$of_version;"),
    "split": _location("proxy_pass http://$share;"),
    "mirror-10": _location(f"{_PASS} mirror /mirror;")
    + """
        location = /mirror {
            internal;
            if ($sampled = 0) { return 204; }
            proxy_pass http://small2$request_uri;
        }""",
}


def nginx_peers() -> list[Peer]:
    return [
        replace(peer, launch=_launcher(peer.launch)) for peer in nginx.peers() if peer.same_work
    ]


def _launcher(usual: Callable[[Site], Launch]) -> Callable[[Site], Launch]:
    def launch(site: Site) -> Launch:
        made = usual(site)
        path = site.folder / "nginx.conf"
        http, _, _ = path.read_text().rpartition("}")
        servers = [
            _SERVER.format(port=site.port, host=host_of(name), text=text)
            for name, text in _SERVERS.items()
        ]
        maps = _MAPS.replace("SMALL", str(site.small_port))
        path.write_text(f"{http}{maps}{''.join(servers)}}}\n")
        return made

    return launch
