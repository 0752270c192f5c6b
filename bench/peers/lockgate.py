"""The gateway itself with its whole pipeline; its limit is on, and too high to be reached."""

import json
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from bench.peers.peer import SMALL, STREAM, Launch, Peer, Site
from bench.processes import THIS_TREE, until_routed
from bench.route_set import Route
from gateway.version import VERSION

NAME = "Lockgate"
TOKEN = "the-token-of-the-benchmark"


def peer(
    python: str,
    registry_port: int,
    tree: Path | None = None,
    routes: Sequence[Route] = (),
    workers: int = 1,
) -> Peer:
    """The gateway of this checkout, or of another one, which then has a namespace of its own.

    Without routes it has no configuration file.
    """
    code = THIS_TREE if tree is None else {"PYTHONPATH": str(tree), "REGISTRY_NAMESPACE": tree.name}

    def launch(site: Site) -> Launch:
        environment = {
            **code,
            "GATEWAY_PORT": str(site.port),
            "REDIS_URL": f"redis://127.0.0.1:{registry_port}/0",
            "ADMIN_TOKEN": TOKEN,
            "RATE_LIMIT_REQUESTS": "1000000",
            "RATE_LIMIT_WINDOW": "10",
            "TRUSTED_PROXIES": "127.0.0.1",
            "SHUTDOWN_GRACE": "1",
        }
        if workers > 1:
            environment["GATEWAY_WORKERS"] = str(workers)
        if routes:
            environment["GATEWAY_CONFIG"] = site.write("lockgate.yaml", configuration(routes))
        return Launch([python, "-m", "gateway"], environment)

    name = NAME if tree is None else f"{NAME} of {tree.name}"
    if workers > 1:
        name += f" with {workers} workers"
    return Peer(name, VERSION, True, launch)


def configuration(routes: Sequence[Route]) -> str:
    """The configuration file with these routes, all to the small origin."""
    service = SMALL.rpartition("/")[2]
    return "routes:\n" + "".join(
        f"  - name: {route.name}\n"
        f"    match: {{host: {route.host}, {_path(route)}}}\n"
        f"    service: {service}_service\n"
        for route in routes
    )


def _path(route: Route) -> str:
    return f'path: "{route.template}"' if route.has_template else f"prefix: {route.prefix}"


def register_origins(site: Site) -> None:
    """Register the origins, and wait until the gateway routes to them. Raises StartError."""
    for route, port in ((SMALL, site.small_port), (STREAM, site.stream_port)):
        register(site.port, route.rpartition("/")[2], port, health_check_url="/small")
        until_routed(f"http://127.0.0.1:{site.port}{route}/small")


def register(gateway_port: int, name: str, port: int, **more: object) -> None:
    """Register an instance on this machine, for the time of the measurement."""
    _put(
        f"http://127.0.0.1:{gateway_port}/services/{name}_service/instances/{name}-{os.getpid()}",
        {"host": "127.0.0.1", "port": port, "ttl": 3600, **more},
    )


def _put(url: str, body: dict[str, object]) -> None:
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), fields, method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        answer.read()
