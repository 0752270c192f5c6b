"""The caches that the suite judges, each before the suite's origin."""

from collections.abc import Callable
from dataclasses import replace

from bench.peers import lockgate, nginx, varnish
from bench.peers.peer import Launch, Peer, Site

# By itself the gateway tells requests apart by cookies, and by fields with names such as those in which the
# client says which case a request belongs to; and it serves nothing stale that does not say so, which some
# cases take for granted.
_LOCKGATE = """\
services: {{suite: {{urls: ["http://127.0.0.1:{origin}"], retries: {{attempts: 1}}}}}}
defaults: {{limits: null}}
routes:
- name: suite
  match: {{prefix: /}}
  service: suite
  paths: as_is
  cache:
    stale_if_error: 1h
    vary_headers: [Cookie, Test-ID, Test-Name]
    targeted: [CDN-Cache-Control, Surrogate-Control]
"""
_NGINX = """
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=kept:8m max_size=1000m inactive=600m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache kept;
            proxy_cache_revalidate on;
        }}
    }}
"""


def peers(python: str, registry_port: int, origin_port: int) -> list[Peer]:
    return [
        _lockgate(python, registry_port, origin_port),
        *_nginx(origin_port),
        *_varnish(origin_port),
    ]


def _lockgate(python: str, registry_port: int, origin_port: int) -> Peer:
    usual = lockgate.peer(python, registry_port)

    def launch(site: Site) -> Launch:
        made = usual.launch(site)
        file = site.write("lockgate.yaml", _LOCKGATE.format(origin=origin_port))
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    return replace(usual, launch=launch)


def _nginx(origin_port: int) -> list[Peer]:
    def launch(site: Site) -> Launch:
        inside = _NGINX.format(port=site.port, folder=site.folder, origin=origin_port)
        return nginx.launch(site, inside)

    return [_bare(peer.name, peer.version, launch) for peer in nginx.peers() if not peer.same_work]


def _varnish(origin_port: int) -> list[Peer]:
    def launch(site: Site) -> Launch:
        return varnish.launch(site, origin_port=origin_port)

    version = varnish.version()
    return [_bare(varnish.NAME, version, launch)] if version else []


def _bare(name: str, version: str, launch: Callable[[Site], Launch]) -> Peer:
    return Peer(name, version, False, launch)
