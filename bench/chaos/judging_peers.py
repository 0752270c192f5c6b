"""nginx and Envoy in the scenarios in which instances are judged by real requests.

Both are configured as an expert would: nginx with passive checks, since it has no others, Envoy with active
checks and outlier detection. GETs are repeated at another instance, POSTs only after a failed connect.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from bench.chaos.peers import ANSWERS_WITHIN_S, Peer, Site, within_s
from bench.peers import envoy, nginx
from bench.peers.peer import find, version_of
from bench.processes import free_port

#: A reload of nginx has been done by then.
RELOADED_IN_S = 0.5
_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream chaos {{
        least_conn;
{servers}
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://chaos;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 1s;
            proxy_read_timeout {within_s}s;
            proxy_next_upstream error timeout http_500 http_502 http_503;
            proxy_next_upstream_tries 3;
        }}
    }}
}}
"""
_TYPE = "type.googleapis.com/envoy.extensions"
_NOT_POST = {"name": ":method", "string_match": {"exact": "POST"}, "invert_match": True}


@dataclass
class Nginx:
    """It is reloaded whenever an instance comes or goes."""

    name: ClassVar[str] = nginx.NAME
    on_registry: ClassVar[bool] = False
    _sites: list[Site] = field(default_factory=list)
    _ports: dict[str, int] = field(default_factory=dict)
    _written_s: float = 0.0

    def command(self, site: Site) -> list[str]:
        self._sites.append(site)
        self._write(site)
        return [str(find("nginx")), "-p", str(site.folder), "-c", str(_config(site))]

    async def enter(self, instances: Mapping[str, int]) -> None:
        if instances.items() <= self._ports.items():
            return
        self._ports |= instances
        self._reload()

    async def take_out(self, instance_id: str) -> None:
        self._ports.pop(instance_id, None)
        self._reload()

    async def is_well(self, port: int, expected: set[int]) -> bool:
        del port
        there = expected <= set(self._ports.values())
        return there and time.monotonic() - self._written_s > RELOADED_IN_S

    def _reload(self) -> None:
        for site in self._sites:
            self._write(site)
            with suppress(OSError, ValueError):
                os.kill(int((site.folder / "nginx.pid").read_text("ascii")), signal.SIGHUP)
        self._written_s = time.monotonic()

    def _write(self, site: Site) -> None:
        servers = [
            f"        server 127.0.0.1:{port} max_fails=5 fail_timeout=5s;"
            for port in self._ports.values()
        ]
        text = _NGINX.format(
            folder=site.folder,
            port=site.port,
            servers="\n".join(servers) or "        server 127.0.0.1:1 down;",
            within_s=within_s(site),
        )
        _config(site).write_text(text, "utf-8")


@dataclass
class Envoy:
    """It reads its instances from a file that is replaced whenever one comes or goes."""

    name: ClassVar[str] = envoy.NAME
    on_registry: ClassVar[bool] = False
    _admins: dict[Site, int] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    def command(self, site: Site) -> list[str]:
        self._admins[site] = free_port()
        self._write(site)
        config = site.folder / "envoy.json"
        config.write_text(json.dumps(_bootstrap(site, self._admins[site])), "utf-8")
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return [str(find("envoy")), *options, "-c", str(config)]

    async def enter(self, instances: Mapping[str, int]) -> None:
        if not instances.items() <= self._ports.items():
            self._ports |= instances
            self._write_all()

    async def take_out(self, instance_id: str) -> None:
        self._ports.pop(instance_id, None)
        self._write_all()

    async def is_well(self, port: int, expected: set[int]) -> bool:
        (admin,) = (admin for site, admin in self._admins.items() if site.port == port)
        timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{admin}/clusters?format=json") as answer,
            ):
                said = await answer.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError):
            return False
        (cluster,) = (one for one in said["cluster_statuses"] if one["name"] == "chaos")
        well = {
            one["address"]["socket_address"]["port_value"]
            for one in cluster.get("host_statuses", ())
            if not one["health_status"].get("failed_active_health_check")
        }
        return expected <= well

    def _write_all(self) -> None:
        for site in self._admins:
            self._write(site)

    def _write(self, site: Site) -> None:
        endpoints = [{"endpoint": {"address": _address(port)}} for port in self._ports.values()]
        assignment = {
            "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": "chaos",
            "endpoints": [{"lb_endpoints": endpoints}],
        }
        new = site.folder / "instances.new"
        new.write_text(json.dumps({"resources": [assignment]}), "utf-8")
        new.replace(site.folder / "instances.json")


def judging() -> list[tuple[Callable[[], Peer], str]]:
    """A maker for each of them that is installed, with its name and version."""
    found: list[tuple[Callable[[], Peer], str]] = []
    if binary := find("nginx"):
        found.append((Nginx, f"nginx {version_of([binary, '-v'], word='nginx/')}"))
    if binary := find("envoy"):
        version = version_of([binary, "--version"], word="version:").split("/")[1]
        found.append((Envoy, f"Envoy {version}"))
    return found


def _config(site: Site) -> Path:
    return site.folder / "nginx.conf"


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _bootstrap(site: Site, admin: int) -> dict[str, Any]:
    limit = f"{within_s(site)}s"
    manager = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "public",
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        _route([_NOT_POST], "connect-failure,reset,retriable-status-codes", limit),
                        _route([], "connect-failure", limit),
                    ],
                }
            ]
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "node": {"id": "chaos", "cluster": "chaos"},
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "public",
                    "address": _address(site.port),
                    "filter_chains": [{"filters": filters}],
                }
            ],
            "clusters": [_cluster(site)],
        },
    }


def _route(headers: list[dict[str, Any]], retry_on: str, limit: str) -> dict[str, Any]:
    return {
        "match": {"prefix": "/", "headers": headers},
        "route": {
            "cluster": "chaos",
            "timeout": "0s",
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": 2,
                "per_try_timeout": limit,
                "retriable_status_codes": [500, 502, 503],
                "retry_host_predicate": [
                    {
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": {
                            "@type": f"{_TYPE}.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                        },
                    }
                ],
            },
        },
    }


def _cluster(site: Site) -> dict[str, Any]:
    return {
        "name": "chaos",
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {
            "eds_config": {"path_config_source": {"path": str(site.folder / "instances.json")}}
        },
        "health_checks": [
            {
                "timeout": f"{site.probe_within_s:g}s",
                "interval": f"{site.probe_each_s:g}s",
                "no_traffic_interval": f"{site.probe_each_s:g}s",
                "unhealthy_threshold": 3,
                "healthy_threshold": 2,
                "http_health_check": {"path": "/health"},
            }
        ],
        "outlier_detection": {
            "consecutive_5xx": 5,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_percent": 50,
        },
    }
