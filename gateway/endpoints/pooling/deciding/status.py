"""How `GET /status` of a gateway is made of what its workers say."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.endpoints.pooling.deciding.pooled import (
    EACH,
    Ways,
    added,
    every,
    first_said,
    least,
    most,
    oldest,
    own,
    pooled,
    some,
    union,
)

_Document = Mapping[str, Any]
#: From the best state of a breaker to the worst one.
_BREAKERS = ("closed", "returning", "half_open", "open")
_SPLIT_REGISTRY = ("current", "away")


def worst_of(order: Sequence[str]) -> Any:
    """The way of a state that goes by the worst one; a state that is not known is the worst."""

    def worst(values: Sequence[Any]) -> Any:
        return max(values, key=lambda one: order.index(one) if one in order else len(order))

    return worst


def greatest_loss(losses: Sequence[Any]) -> Any:
    return max(losses, key=lambda loss: loss["lost"])


def by_fullest(descriptors: Sequence[Any]) -> Any:
    """Those of the worker that is nearest to its limit, which is each process's own."""
    fullest = max(descriptors, key=lambda one: (one["open"] or 0) / one["max"])
    return {**fullest, "clients_refused": added([one["clients_refused"] for one in descriptors])}


def limits_held(policies: Sequence[Any]) -> Any:
    """The limits of the asked worker, with what requests of all workers hold of them."""
    held: dict[str, int] = {}
    for policy in (one for of_worker in policies for one in of_worker):
        held[policy["name"]] = held.get(policy["name"], 0) + policy["reserved"]
    return [{**policy, "reserved": held[policy["name"]]} for policy in policies[0]]


def each_document(lists: Sequence[Any]) -> Any:
    """The OpenAPI documents: each worker fetches its own, and what is shown is the oldest of each."""
    found: dict[tuple[Any, Any], Any] = {}
    for document in (one for of_worker in lists for one in of_worker):
        key = document.get("service"), document.get("version")
        if key not in found or (document.get("age_s") or 0) > (found[key].get("age_s") or 0):
            found[key] = document
    return [*found.values()]


def most_failed(certificates: Sequence[Any]) -> Any:
    """What the worker says that has failed most; the certificates themselves are shared."""
    return max(certificates, key=lambda one: one.get("failures", 0))


#: All members of the document, so that none speaks of one worker alone without being named here.
WAYS: Ways = {
    "service": own,
    # In a roll to another release: `workers` has that of each.
    "version": own,
    "uptime_s": own,
    "started_at": own,
    # Who has answered.
    "worker": own,
    # One after the other, by `status_of`.
    "workers": own,
    "ready": own,
    "registry": {
        "namespace": own,
        "url": own,
        "connected": every,
        "stale": some,
        "writable": every,
        "epoch": own,
        "revision": own,
        "view_age_s": oldest,
        "view_from": own,
        "live_gateways": own,
        "live_workers": own,
    },
    # Verdicts are shared within milliseconds.
    "services": own,
    "mass_losses": {EACH: greatest_loss},
    "descriptors": by_fullest,
    "limits": {
        "alone": some,
        "policies": limits_held,
        **dict.fromkeys(
            (
                *("requests", "window_s", "max_body_bytes"),
                *("connect_timeout_s", "upstream_timeout_s"),
            ),
            own,
        ),
    },
    "config": {"loaded_at": least, "current": every, "mistakes": union},
    "watched": {EACH: {"ejected": most, "breaker": worst_of(_BREAKERS)}},
    "cache": {
        **dict.fromkeys(("entries", "bytes", "max_bytes", "hits", "misses"), added),
        "purges": {"current": every, "age_s": oldest, "untold": added, "dropped": added},
    },
    # The registry has where they stand; a worker that can't reach it does not follow.
    "splits": {
        EACH: {
            **dict.fromkeys(("shares", "status", "changed_by", "since", "evidence"), own),
            "registry": worst_of(_SPLIT_REGISTRY),
        }
    },
    "mirrors": dict.fromkeys(("in_flight", "copies", "answered", "same", "different"), added),
    "url": own,
    "untrusted_proxies": union,
    "auth": {
        EACH: {
            **dict.fromkeys(("current", "provider_known", "registry"), every),
            **dict.fromkeys(("age_s", "keys_age_s"), oldest),
            **dict.fromkeys(("known", "keys", "keys_left_s", "log_outs_known"), least),
            **dict.fromkeys(("problem", "provider_error"), first_said),
        }
    },
    "documents": each_document,
    "tls": {
        "certificates": own,
        "mistake": first_said,
        "redirect_from": first_said,
        "handshakes": {EACH: added},
    },
    "acme": {"directory": own, "registry_reached": every, "certificates": {EACH: most_failed}},
}


def status_of(
    documents: Mapping[str, _Document], members: Mapping[str, _Document]
) -> dict[str, Any]:
    """The status of the gateway of documents by worker, the asked one's first; each has itself in `workers`.

    `members` are all workers, as they are listed if they did not answer: not ready, and without numbers.
    """
    status = pooled([*documents.values()], WAYS)
    told = {
        id_: document["workers"] for id_, document in documents.items() if "workers" in document
    }
    status["workers"] = [one for id_ in members for one in told.get(id_, [members[id_]])]
    return status
