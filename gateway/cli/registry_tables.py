"""What `lockgate services` and `routes` show to people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from discovery.advice import advice
from gateway.cli.gateway_client import GatewayClient
from gateway.cli.output import health_cell, print_below, print_rows

#: States that say all themselves.
_NEEDS_NO_WHY = ("healthy", "draining")
#: Of a gateway that takes the token for none of its own.
_UNKNOWN = {"latest": "(needs another --token)"}
#: Of the instances that have one fault.
_MOST_NAMED = 3
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


def print_services(gateway: GatewayClient, document: Any) -> None:
    """The answer to `GET /services`, with what the gateway last saw of what is not well."""
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
            instance["last_heartbeat"],
        )
        for service in document["services"]
        for instance in service["instances"]
    ]
    print_rows(_HEADINGS, rows, title=_title(document))
    print_below(what_helps(document["services"], why))


def print_routes(found: Sequence[Any]) -> None:
    rows = [
        (f"{one['route']}/*", one["service"], f"{one['healthy']} of {one['total']} healthy")
        for one in found
    ]
    print_rows(("path", "service", "instances"), rows, title="Routes")


def why_unwell(gateway: GatewayClient, services: list[Any]) -> dict[tuple[str, str], str]:
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


def what_helps(services: list[Any], why: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """For each service a line of each advice that there is, with the instances that it is for."""
    for service in services:
        ids: dict[str, list[str]] = {}
        for one in service["instances"]:
            helps = advice(why.get((service["name"], one["id"]), ""), one["host"])
            ids.setdefault(helps, []).append(one["id"])
        ids.pop("", None)
        for helps, some in ids.items():
            yield f"{service['name']}, {_some(some)}: {helps}"


def _some(ids: list[str]) -> str:
    more = len(ids) - _MOST_NAMED
    return ", ".join(ids[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _title(document: Any) -> str:
    count = document["count"]
    title = f"{count} {'service' if count == 1 else 'services'}"
    if document.get("stale"):
        title += f" (as of {document['age_s']:.0f} s ago: the registry is away)"
    return title
