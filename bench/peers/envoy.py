"""Envoy, with one worker unless said otherwise."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bench.peers.peer import SMALL, STREAM, Launch, Peer, Site, find, version_of
from bench.route_set import Route

NAME = "Envoy"
_TYPE = "type.googleapis.com/envoy.extensions"


def peers(routes: Sequence[Route] = (), workers: int = 1) -> list[Peer]:
    """The bare one and the one that does the same work; the latter has the routes too."""
    binary = find("envoy")
    if binary is None:
        return []
    version = version_of([binary, "--version"], word="version:").split("/")[1]

    def peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            config = site.write("envoy.json", json.dumps(_config(site, same_work, routes)))
            options = ["--concurrency", f"{workers}", "--disable-hot-restart"]
            options += ["--log-level", "error"]
            return Launch([binary, *options, "-c", config])

        return Peer(NAME, version, same_work, launch)

    return [peer(False), peer(True)]


def _config(site: Site, same_work: bool, routes: Sequence[Route]) -> dict[str, Any]:
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "public",
                    "address": _address(site.port),
                    "tcp_backlog_size": 4096,
                    "filter_chains": [{"filters": [_manager(site, same_work, routes)]}],
                }
            ],
            "clusters": [_cluster("small", site.small_port), _cluster("stream", site.stream_port)],
        }
    }


def _manager(site: Site, same_work: bool, routes: Sequence[Route]) -> dict[str, Any]:
    manager: dict[str, Any] = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "public",
        "generate_request_id": same_work,
        "always_set_request_id_in_response": same_work,
        "stream_idle_timeout": "0s",
        "http_filters": [_router()],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        _route(STREAM, "stream"),
                        _route(SMALL, "small"),
                    ]
                    if same_work
                    else [{"match": {"prefix": "/"}, "route": {"cluster": "small"}}],
                }
            ]
        },
    }
    if same_work:
        manager["use_remote_address"] = True
        manager["xff_num_trusted_hops"] = 1
        manager["upgrade_configs"] = [{"upgrade_type": "websocket"}]
        manager["access_log"] = [_access_log(site)]
        manager["http_filters"].insert(0, _limit())
        manager["route_config"]["virtual_hosts"] += hosts(routes)
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _route(prefix: str, cluster: str) -> dict[str, Any]:
    return {
        "match": {"prefix": prefix + "/"},
        "route": {"cluster": cluster, "prefix_rewrite": "/", "timeout": "0s"},
    }


def hosts(routes: Sequence[Route]) -> list[dict[str, Any]]:
    """A virtual host for each host, with the list of its routes."""
    of_hosts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for route in routes:
        match = {"path_separated_prefix": route.prefix}
        of_hosts[route.host].append(
            {
                "match": _template(route.template) if route.has_template else match,
                "route": {"cluster": "small", "timeout": "0s"},
            }
        )
    return [
        {"name": host, "domains": [host], "routes": of_host} for host, of_host in of_hosts.items()
    ]


def _template(template: str) -> dict[str, Any]:
    matcher = f"{_TYPE}.path.match.uri_template.v3.UriTemplateMatchConfig"
    return {
        "path_match_policy": {
            "name": "envoy.path.match.uri_template.uri_template_matcher",
            "typed_config": {"@type": matcher, "path_template": template},
        }
    }


def _router() -> dict[str, Any]:
    router = f"{_TYPE}.filters.http.router.v3.Router"
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": router}}


def _limit() -> dict[str, Any]:
    everything = {"numerator": 100, "denominator": "HUNDRED"}
    return {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": f"{_TYPE}.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": {
                "max_tokens": 1_000_000,
                "tokens_per_fill": 1_000_000,
                "fill_interval": "1s",
            },
            "filter_enabled": {"default_value": everything},
            "filter_enforced": {"default_value": everything},
        },
    }


def _access_log(site: Site) -> dict[str, Any]:
    members = {
        "timestamp": "%START_TIME%",
        "level": "info",
        "event": "request",
        "service": "envoy",
        "correlation_id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "duration_ms": "%DURATION%",
        "client_ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "user_agent": "%REQ(USER-AGENT)%",
        "route": "%UPSTREAM_CLUSTER%",
        "upstream_instance": "%UPSTREAM_HOST%",
        "upstream_ms": "%RESPONSE_DURATION%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_TYPE}.access_loggers.file.v3.FileAccessLog",
            "path": str(site.folder / "access.log"),
            "log_format": {"json_format": members},
        },
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    most = {"max_connections": 16384, "max_requests": 16384, "max_pending_requests": 16384}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "circuit_breakers": {"thresholds": [most]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
