"""Lockgate's file: a host for each way in, all of them to the small origin."""

import json
import urllib.request
from dataclasses import replace

from bench.auth.credentials import ALGORITHM, AUDIENCE, ISSUER, Issued
from bench.peers import lockgate
from bench.peers.peer import SMALL, Launch, Peer, Site

_JWT = f"{{type: jwt, issuer: '{ISSUER}', audience: {AUDIENCE}, jwks_file: keys.json, algorithms: [{ALGORITHM}]"
_FORWARD = "{type: forward, url: 'http://127.0.0.1:%d/small', send: [Authorization], take: []"
#: The hosts that ask for a credential, each by the way of its name.
WAYS = ("key", "remembered", "new", "gate", "asking")


def file_of(site: Site) -> str:
    """The text; `auth: none` holds for routes by name."""
    forward = _FORWARD % site.small_port
    ways = {
        "key": "{type: api_key}",
        "remembered": f"{_JWT}}}",
        "new": f"{_JWT}, remember: 0s}}",
        "gate": f"{forward}, remember: 1h, remember_by: credential}}",
        "asking": f"{forward}}}",
    }
    service = SMALL.rpartition("/")[2]
    routes = [("none", "none"), *((name, f"{{any_of: [{name}]}}") for name in WAYS)]
    return "".join(
        [
            "auth:\n",
            *(f"  {name}: {way}\n" for name, way in ways.items()),
            "defaults: {auth: none}\nroutes:\n",
            *(
                f"- {{name: {name}, match: {{host: {host_of(name)}}}, service: {service}_service, "
                f"auth: {auth}}}\n"
                for name, auth in routes
            ),
        ]
    )


def host_of(name: str) -> str:
    return f"{name}.example.com"


def peer(python: str, registry_port: int, issued: Issued) -> Peer:
    usual = lockgate.peer(python, registry_port)

    def launch(site: Site) -> Launch:
        made = usual.launch(site)
        site.write("keys.json", issued.jwks)
        file = site.write("lockgate.yaml", file_of(site))
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    return replace(usual, launch=launch)


def new_key(port: int) -> str:
    """A key that the gateway has made."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/keys",
        json.dumps({"name": "bench"}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {lockgate.TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["key"])
