"""Envoy with jwt_authn, and Caddy with forward_auth: a host for each way in, beside one that asks nobody."""

import json
from dataclasses import replace
from typing import Any

from bench.auth.credentials import AUDIENCE, ISSUER, Issued
from bench.auth.lockgate_file import host_of
from bench.peers import caddy, envoy
from bench.peers.peer import Launch, Peer, Site

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_CADDY_HOST = """\
    @{name} host {host}
    handle @{name} {{
        {asks}reverse_proxy 127.0.0.1:{small} {{
            transport http {{
                keepalive_idle_conns_per_host 256
            }}
        }}
    }}
"""
_CADDY_ASKS = "forward_auth 127.0.0.1:{small} {{\n            uri /small\n        }}\n        "


def envoy_peers(issued: Issued) -> list[Peer]:
    return [_envoy(peer, issued) for peer in envoy.peers() if peer.same_work]


def _envoy(peer: Peer, issued: Issued) -> Peer:
    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        path = site.folder / "envoy.json"
        config = json.loads(path.read_text())
        (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
        manager = chain["filters"][0]["typed_config"]
        manager["http_filters"].insert(0, _jwt_authn(issued))
        manager["route_config"]["virtual_hosts"] += [
            {
                "name": name,
                "domains": [host_of(name)],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "small"}}],
            }
            for name in ("none", "remembered", "new")
        ]
        path.write_text(json.dumps(config))
        return made

    return replace(peer, launch=launch)


def _jwt_authn(issued: Issued) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": issued.jwks},
        "claim_to_headers": [{"header_name": "x-auth-subject", "claim_name": "sub"}],
    }
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": _TYPE,
            "providers": {
                "new": provider,
                "remembered": {**provider, "jwt_cache_config": {"jwt_cache_size": 100}},
            },
            "rules": [
                {"match": _of_host(name), "requires": {"provider_name": name}}
                for name in ("remembered", "new")
            ],
        },
    }


def _of_host(name: str) -> dict[str, Any]:
    return {
        "prefix": "/",
        "headers": [{"name": ":authority", "string_match": {"exact": host_of(name)}}],
    }


def caddy_peers() -> list[Peer]:
    return [_caddy(peer) for peer in caddy.peers() if peer.same_work]


def _caddy(peer: Peer) -> Peer:
    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        asks = _CADDY_ASKS.format(small=site.small_port)
        hosts = "".join(
            _CADDY_HOST.format(name=name, host=host_of(name), small=site.small_port, asks=text)
            for name, text in (("none", ""), ("asking", asks))
        )
        path = site.folder / "Caddyfile"
        text = path.read_text()
        site_of_it = f"http://:{site.port} {{\n    bind 127.0.0.1\n"
        path.write_text(text.replace(site_of_it, site_of_it + hosts))
        return made

    return replace(peer, launch=launch)
