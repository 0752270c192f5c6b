"""A gateway's last evidence against unwell instances, and what helps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from discovery.health.advice import advice
from discovery.health.evidence_texts import WEIGHTLESS
from discovery.model.words import ANY, FILE
from gateway.cli.gateway_client import GatewayClient

NEEDS_TOKEN = "(needs --token)"  # noqa: S105
NEEDS_ANOTHER_TOKEN = "(needs another --token)"  # noqa: S105
SHOWN_TO_ANYBODY = (
    "takes another admin token, so this is what it shows to anybody: name its own with --token"
)
#: Evidence by service and instance ID.
Seen = Mapping[tuple[str, str], str]

#: States that need no explanation.
_NEEDS_NO_WHY = ("healthy", "draining")
#: The evidence if the gateway does not accept the token.
_UNKNOWN = {"latest": NEEDS_ANOTHER_TOKEN}
#: How many instances with the same fault are named.
_MOST_NAMED = 3


def why_unwell(gateway: GatewayClient, services: list[Any]) -> Seen:
    """The last evidence against each unwell instance, and what else keeps requests away from one."""
    why = {}
    for service in services:
        why.update(
            {
                (service["name"], one["id"]): WEIGHTLESS
                for one in service["instances"]
                if one["status"] == "healthy" and not one["weight"]
            }
        )
        why.update(
            {
                (service["name"], one["id"]): f"ejected: {one['ejected']['evidence']}"
                for one in service["instances"]
                if one["status"] == "healthy" and "ejected" in one
            }
        )
        ids = [one["id"] for one in service["instances"] if one["status"] not in _NEEDS_NO_WHY]
        if not ids:
            continue
        if gateway.token is None:
            seen = dict.fromkeys(ids, NEEDS_TOKEN)
        else:
            shown = gateway.get(f"/services/{service['name']}", missing={"instances": []})
            seen = {
                one["id"]: one.get("health", _UNKNOWN).get("latest", "")
                for one in shown["instances"]
            }
        why.update({(service["name"], id_): seen.get(id_, "") for id_ in ids})
    return why


def told_as_the_public(gateway: GatewayClient, services: list[Any]) -> bool:
    """Whether the answer lacks what a token shows, although one was sent."""
    instances = (one for service in services for one in service["instances"])
    return gateway.token is not None and any("metadata" not in one for one in instances)


def gets_requests(instance: Any) -> bool:
    return bool(instance["status"] == "healthy" and instance["weight"])


def what_helps(service: Any, why: Seen) -> Iterator[tuple[str, str]]:
    """Each piece of advice for a service, with the names of the instances that it is for."""
    ids: dict[str, list[str]] = {}
    for one in service["instances"]:
        words = FILE if one.get("source") == "file" else ANY
        helps = advice(why.get((service["name"], one["id"]), ""), one["host"], words)
        ids.setdefault(helps, []).append(one["id"])
    ids.pop("", None)
    for helps, some in ids.items():
        yield first_of(some), helps


def first_of(texts: Sequence[str], between: str = ", ") -> str:
    """The first three, and how many more there are."""
    more = len(texts) - _MOST_NAMED
    return between.join(texts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
