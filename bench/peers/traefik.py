"""Traefik with its file provider; it has no request IDs, so a fixed one is added."""

import json
from typing import Any

from bench.peers.peer import SMALL, STREAM, Launch, Peer, Site, find, version_of

NAME = "Traefik"


def peers() -> list[Peer]:
    binary = find("traefik")
    if binary is None:
        return []
    version = version_of([binary, "version"], word="Version:")

    def peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            config = site.write("traefik.yml", json.dumps(_static(site, same_work)))
            return Launch([binary, f"--configFile={config}"])

        return Peer(NAME, version, same_work, launch)

    return [peer(False), peer(True)]


def _static(site: Site, same_work: bool) -> dict[str, Any]:
    dynamic = site.write("dynamic.yml", json.dumps({"http": _dynamic(site, same_work)}))
    static: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        "entryPoints": {"web": {"address": f"127.0.0.1:{site.port}"}},
        "providers": {"file": {"filename": dynamic, "watch": False}},
    }
    if same_work:
        static["entryPoints"]["web"]["forwardedHeaders"] = {"trustedIPs": ["127.0.0.1/32"]}
        log = {"filePath": str(site.folder / "access.log"), "format": "json", "bufferingSize": 200}
        static["accessLog"] = log
        static["metrics"] = {"prometheus": {"manualRouting": True}}
    return static


def _dynamic(site: Site, same_work: bool) -> dict[str, Any]:
    if not same_work:
        return {
            "routers": {"all": {"rule": "PathPrefix(`/`)", "service": "small"}},
            "services": {"small": _service(site.small_port)},
        }
    identified = {"X-Correlation-ID": "0123456789abcdef0123456789abcdef"}
    client = {"ipStrategy": {"depth": 1}}
    layers = ["limit", "strip", "identify"]
    return {
        "routers": {
            "small": {
                "rule": f"PathPrefix(`{SMALL}`)",
                "service": "small",
                "middlewares": layers,
            },
            "stream": {
                "rule": f"PathPrefix(`{STREAM}`)",
                "service": "stream",
                "middlewares": layers,
            },
        },
        "middlewares": {
            "limit": {
                "rateLimit": {
                    "average": 1_000_000,
                    "burst": 1_000_000,
                    "sourceCriterion": client,
                }
            },
            "strip": {"stripPrefix": {"prefixes": [SMALL, STREAM]}},
            "identify": {
                "headers": {
                    "customRequestHeaders": identified,
                    "customResponseHeaders": identified,
                }
            },
        },
        "services": {"small": _service(site.small_port), "stream": _service(site.stream_port)},
    }


def _service(port: int) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}}
