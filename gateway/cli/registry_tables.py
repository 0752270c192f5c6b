"""The tables of `lockgate services` and `routes`."""

from collections.abc import Sequence
from typing import Any

from gateway.cli.gateway_client import GatewayClient
from gateway.cli.output import health_cell, print_below, print_rows
from gateway.cli.unwell import what_helps, why_unwell

_HEADINGS = (
    "service",
    "instance",
    "url",
    "status",
    "why",
    "version",
    "weight",
    "last heartbeat",
)
#: Columns that a narrow terminal drops, the first one first; pipes and --json have them all.
_LEFT_OUT = ("last heartbeat", "weight", "version")


def print_services(gateway: GatewayClient, document: Any) -> None:
    """Print the answer to `GET /services`, with the evidence against unwell instances."""
    why = why_unwell(gateway, document["services"])
    rows = [
        (
            service["name"],
            instance["id"],
            instance["url"],
            health_cell(instance["status"]),
            why.get((service["name"], instance["id"]), ""),
            instance["version"] or "-",
            str(instance["weight"]),
            instance["last_heartbeat"] or "none: named by the file",
        )
        for service in document["services"]
        for instance in service["instances"]
    ]
    print_rows(_HEADINGS, rows, title=_title(document), below="why", left_out=_LEFT_OUT)
    print_below(
        f"{service['name']}, {instances}: {helps}"
        for service in document["services"]
        for instances, helps in what_helps(service, why)
    )


def print_routes(found: Sequence[Any]) -> None:
    rows = [
        (f"{one['route']}/*", one["service"], f"{one['healthy']} of {one['total']} healthy")
        for one in found
    ]
    print_rows(("path", "service", "instances"), rows, title="Routes")


def _title(document: Any) -> str:
    count = document["count"]
    title = f"{count} {'service' if count == 1 else 'services'}"
    if document.get("stale"):
        title += f" (as registered {document['age_s']:.0f} s ago: the registry is away)"
    return title
