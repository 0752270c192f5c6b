"""Lockgate's file: a host for each policy, all of them to the small origin, which is there in two versions."""

import json
import os
import urllib.request
from collections.abc import Sequence
from dataclasses import replace

from bench.peers import lockgate
from bench.peers.peer import SMALL, Launch, Peer, Site
from bench.policies.cases import CASES, COPIES, NONE, Case, host_of
from gateway.config.file.loading import read_bytes

SERVICE = f"{SMALL.rpartition('/')[2]}_service"


def file_of(cases: Sequence[Case]) -> str:
    routes = [_route(NONE, ""), *(_route(case.name, f", {case.keys}") for case in cases)]
    return "routes:\n" + "".join(routes)


def _route(name: str, keys: str) -> str:
    return f"- {{name: {name}, match: {{host: {host_of(name)}}}, service: {SERVICE}{keys}}}\n"


def understood() -> tuple[list[Case], list[str]]:
    """The cases that this version's file may say, and what is wrong with the others."""
    right, wrong = [], []
    for case in CASES:
        told = read_bytes(file_of([case]).encode()).mistakes
        mistakes = [one for one in told if one.level == "error"]
        if mistakes:
            wrong.append(f"{case.title} is left out: {mistakes[0].message.partition(';')[0]}")
        else:
            right.append(case)
    return right, wrong


def peer(python: str, registry_port: int, cases: Sequence[Case]) -> Peer:
    usual = lockgate.peer(python, registry_port)

    def launch(site: Site) -> Launch:
        made = usual.launch(site)
        file = site.write("lockgate.yaml", file_of(cases))
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    return replace(usual, launch=launch)


def register_versions(port: int, origin_port: int) -> None:
    """Register the origin as 1.0.0 and 2.0.0, with the document that it keeps to, and as what gets copies."""
    ours = f"{SMALL.rpartition('/')[2]}-{os.getpid()}"
    documented = {"metadata": {"openapi_url": "/openapi.json"}}
    _register(port, SERVICE, ours, origin_port, version="1.0.0", **documented)
    _register(port, SERVICE, f"{ours}-2", origin_port, version="2.0.0", **documented)
    _register(port, COPIES, f"{ours}-copies", origin_port)


def _register(port: int, service: str, instance: str, origin_port: int, **more: object) -> None:
    body = {
        "host": "127.0.0.1",
        "port": origin_port,
        "ttl": 3600,
        "health_check_url": "/small",
        **more,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/services/{service}/instances/{instance}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {lockgate.TOKEN}"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        answer.read()
