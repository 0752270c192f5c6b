"""Checks that every registered service can be used, and if not, says why."""

from collections.abc import Iterator
from typing import Any

from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.cli.unwell import (
    NEEDS_ANOTHER_TOKEN,
    NEEDS_TOKEN,
    Seen,
    first_of,
    gets_requests,
    what_helps,
    why_unwell,
)
from gateway.explaining.documents import NO_HEALTHY_INSTANCE
from gateway.stack.failures import StackError

_UNTOLD = (NEEDS_TOKEN, NEEDS_ANOTHER_TOKEN)
_ITS_LOG = "`lockgate logs --service api_gateway`"
_CUT_OFF = f"follow the advice about the registry; if that is ok, see {_ITS_LOG}"
_TOKEN = "set ADMIN_TOKEN to the token of that gateway, which shows the reason only with it"  # noqa: S105
_STATES = f"`lockgate services` shows each instance; {NO_HEALTHY_INSTANCE} says what helps"


def services(gateway: GatewayClient) -> Iterator[Finding]:
    """Report each service that has an unhealthy instance, or none that gets requests."""
    try:
        document = gateway.get("/services")
        why = why_unwell(gateway, document["services"])
    except StackError as error:
        yield Finding("gateway", "failed", str(error), _ITS_LOG)
        return
    if document.get("stale"):
        detail = f"the gateway has not heard of its registry for {document['age_s']:.0f} s"
        yield Finding("gateway", "failed", detail, _CUT_OFF)
    for service in document["services"]:
        if not any(map(gets_requests, service["instances"])):
            detail = f"{service['route']} answers 503: {_seen(service, why)}"
            yield Finding(service["name"], "failed", detail, _advice(service, why))
        elif any(one["status"] == "unhealthy" for one in service["instances"]):
            detail = _seen(service, why)
            yield Finding(service["name"], "warning", detail, _advice(service, why))


def _seen(service: Any, why: Seen) -> str:
    """The unwell instances, and how many others there are."""
    unwell = [
        f"{one['id']} at {one['url']} is {one['status']}"
        + _because(why[service["name"], one["id"]])
        for one in service["instances"]
        if (service["name"], one["id"]) in why
    ]
    others = [
        f"{count} {state}"
        for state in ("healthy", "draining")
        if (count := _count(service, state, why))
    ]
    return "; ".join([*([first_of(unwell, "; ")] if unwell else []), *others])


def _count(service: Any, state: str, why: Seen) -> int:
    """How many instances have a state that only a token would explain."""
    return sum(
        one["status"] == state and (service["name"], one["id"]) not in why
        for one in service["instances"]
    )


def _because(seen: str) -> str:
    return f": {seen}" if seen and seen not in _UNTOLD else ""


def _advice(service: Any, why: Seen) -> str:
    helps = list(what_helps(service, why))
    if len(helps) == 1:
        return helps[0][1]
    if helps:
        return "; ".join(f"{instances}: {sentence}" for instances, sentence in helps)
    seen = {why.get((service["name"], one["id"])) for one in service["instances"]}
    return _STATES if seen.isdisjoint(_UNTOLD) else _TOKEN
