"""Services for the public, as JSON; an unchanged instance is not rendered again."""

from collections.abc import Callable, Mapping, Sequence

import orjson

from discovery.base.steps import Steps, slices
from discovery.client.describing import (
    Description,
    describe_instance,
    describe_service,
    rfc3339,
)
from discovery.view.view import Entry, Status, View

#: This gateway's verdict on an instance, by key; it routes by that.
StatusOf = Callable[[str], Status]


class PublicServices:
    """Renders the services of a view, without what only the admin token shows."""

    def __init__(self, status_of: StatusOf) -> None:
        self._status_of = status_of
        #: By service and key: an entry and its status, and their rendered JSON.
        self._known: dict[str, dict[str, tuple[Entry, str, bytes]]] = {}

    def of(
        self,
        view: View,
        names: Sequence[str],
        heartbeats_ms: Mapping[str, int],
        prefix: str | None,
    ) -> Steps[list[Description]]:
        """These services, without those of which nothing is registered; instances are JSON already."""
        for gone in self._known.keys() - view.services.keys():
            del self._known[gone]
        services = []
        for name in names:
            before, after = self._known.get(name, {}), {}
            instances, healthy = [], 0
            for some in slices(sorted(view.registered(name), key=lambda entry: entry.key)):
                for entry in some:
                    key = entry.key
                    status = shown_status(entry, self._status_of)
                    known = before.get(key)
                    if known is None or known[0] is not entry or known[1] != status:
                        known = (entry, status, _but_for_the_heartbeat(entry, status))
                    after[key] = known
                    instances.append(
                        orjson.Fragment(_with_heartbeat(known[2], entry, heartbeats_ms))
                    )
                    healthy += status == "healthy"
                yield
            if instances:
                self._known[name] = after
                described = describe_service(name, [], prefix)
                services.append(
                    described
                    | {"healthy": healthy, "total": len(instances), "instances": instances}
                )
        return services


def describe_entry(entry: Entry, status: str, heartbeats_ms: Mapping[str, int]) -> Description:
    """An entry of the view in the shape of the contract, with everything that the token shows.

    An instance of the file says so; it sends no heartbeats, and was registered when it was read.
    """
    heartbeat_ms = last_heartbeat_ms(entry, heartbeats_ms)
    description = describe_instance(entry.instance, status, entry.registered_at_ms, heartbeat_ms)
    if entry.source == "file":
        description |= {"source": "file", "last_heartbeat": None}
    return description


def shown_status(entry: Entry, status_of: StatusOf) -> str:
    """The status that requests are routed by; the registry's is older, and that of all gateways."""
    return "draining" if entry.draining else status_of(entry.key)


def last_heartbeat_ms(entry: Entry, heartbeats_ms: Mapping[str, int]) -> int:
    return max(entry.registered_at_ms, heartbeats_ms.get(entry.key, 0))


def _with_heartbeat(json: bytes, entry: Entry, heartbeats_ms: Mapping[str, int]) -> bytes:
    if entry.source == "file":
        return json + b"null}"
    return b'%b"%b"}' % (json, rfc3339(last_heartbeat_ms(entry, heartbeats_ms)).encode())


def _but_for_the_heartbeat(entry: Entry, status: str) -> bytes:
    """The instance's JSON up to the value of its last member, the heartbeat."""
    public = describe_entry(entry, status, {})
    del public["metadata"], public["last_heartbeat"]  # metadata may hold secrets
    url = public["health_check_url"]
    public["health_check_url"] = url and url.partition("?")[0]
    return orjson.dumps(public)[:-1] + b',"last_heartbeat":'
