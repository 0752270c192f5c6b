"""Which records of a snapshot a lookup finds, and in which order."""

import random
from dataclasses import dataclass

from ..model.answers import Record, Snapshot
from ..model.naming import service_of


def found(name: str, snapshot: Snapshot) -> list[Record]:
    """The records that a request to `name` may be sent to; a name means what `/api/<name>` means.

    Where no gateway lives, nobody probes: then a heartbeat has to do as evidence.
    """
    service = service_of(name, _Listed(snapshot))
    wanted = ("healthy",) if snapshot.live_gateways else ("healthy", "starting")
    return [
        record
        for record in snapshot.records
        if record.instance.name == service
        and record.lapses_at_ms > snapshot.now_ms
        and not record.draining
        and record.status in wanted
        and record.instance.weight > 0
    ]


def drawn(records: list[Record], rng: random.Random) -> list[Record]:
    """The records in the order in which they are drawn at random by weight, none of them twice.

    Of exponential waiting times, the shortest is one's own with a chance in proportion to its rate.
    """
    return sorted(records, key=lambda record: rng.expovariate(record.instance.weight))


@dataclass(frozen=True, slots=True)
class _Listed:
    """The services of a snapshot, as the rule for names asks after them."""

    snapshot: Snapshot

    def is_in_force(self, service: str) -> bool:
        return any(
            record.instance.name == service and record.lapses_at_ms > self.snapshot.now_ms
            for record in self.snapshot.records
        )

    def is_known(self, service: str) -> bool:
        return service in self.snapshot.known or any(
            record.instance.name == service for record in self.snapshot.records
        )
