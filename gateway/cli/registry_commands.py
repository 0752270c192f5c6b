"""`lockgate services` and `routes`: what is registered, and where requests go."""

from typing import Any

import typer
from rich.markup import escape

from gateway.cli.application import EXIT_STATUSES
from gateway.cli.gateway_client import GatewayClient, find_gateway
from gateway.cli.options import AsJson, PortOffset, Token, Url, stack_at
from gateway.cli.output import health_style, print_document, print_rows

#: States that say all themselves.
_NEEDS_NO_WHY = ("healthy", "draining")
#: Of a gateway that takes the token for none of its own.
_UNKNOWN = {"latest": "(needs another --token)"}


def add_to(app: typer.Typer) -> None:
    for command in (services, routes):
        app.command(epilog=EXIT_STATUSES)(command)


def services(
    port_offset: PortOffset = "0",
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show what is registered, with each instance's state. Exit status 1: no gateway answers."""
    offset, state = stack_at(port_offset)
    gateway = find_gateway(state, offset, url, token)
    document = gateway.get("/services")
    if as_json:
        print_document(document)
        return
    why = _why(gateway, document["services"])
    rows = [
        (
            service["name"],
            instance["id"],
            escape(instance["url"]),  # an IPv6 address has brackets
            health_style(instance["status"]),
            escape(why.get((service["name"], instance["id"]), "")),
            instance["version"] or "-",
            str(instance["weight"]),
            instance["last_heartbeat"],
        )
        for service in document["services"]
        for instance in service["instances"]
    ]
    headings = (
        "service",
        "instance",
        "url",
        "status",
        "why",
        "version",
        "weight",
        "last heartbeat",
    )
    print_rows(headings, rows, title=_title(document))


def routes(
    port_offset: PortOffset = "0",
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show which path goes to which service. Exit status 1: no gateway answers."""
    found = [
        {
            "route": service["route"],
            "service": service["name"],
            "healthy": service["healthy"],
            "total": service["total"],
        }
        for service in _ask(port_offset, url, token)["services"]
    ]
    if as_json:
        print_document(found)
        return
    rows = [
        (f"{one['route']}/*", one["service"], f"{one['healthy']} of {one['total']} healthy")
        for one in found
    ]
    print_rows(("path", "service", "instances"), rows, title="Routes")


def _ask(port_offset: str, url: str | None, token: str | None) -> Any:
    offset, state = stack_at(port_offset)
    return find_gateway(state, offset, url, token).get("/services")


def _why(gateway: GatewayClient, services: list[Any]) -> dict[tuple[str, str], str]:
    """What was last seen of each instance that is not well, by service and id."""
    why = {}
    for service in services:
        ids = [one["id"] for one in service["instances"] if one["status"] not in _NEEDS_NO_WHY]
        if not ids:
            continue
        if gateway.token is None:
            seen = dict.fromkeys(ids, "(needs --token)")
        else:
            shown = gateway.get(f"/services/{service['name']}", missing={"instances": []})
            seen = {
                one["id"]: one.get("health", _UNKNOWN).get("latest", "")
                for one in shown["instances"]
            }
        why.update({(service["name"], id_): seen.get(id_, "") for id_ in ids})
    return why


def _title(document: Any) -> str:
    title = f"{document['count']} services"
    if document.get("stale"):
        title += f" (as of {document['age_s']:.0f} s ago: the registry is away)"
    return title
