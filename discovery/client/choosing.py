"""Which records of a snapshot a lookup finds, and in which order."""

import random
from dataclasses import dataclass

from ..model.answers import Record, Snapshot
from ..model.naming import service_of


def found(name: str, snapshot: Snapshot) -> list[Record]:
    """The records that may get a request to `name`; a name means what `/api/<name>` means.

    Without a living gateway nobody probes, so a heartbeat is enough evidence.
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
    """The records in an order drawn at random by weight, each once.

    Each record gets an exponential waiting time with its weight as the rate. The shortest time is that
    of a record with a probability in proportion to its weight.
    """
    return sorted(records, key=lambda record: rng.expovariate(record.instance.weight))


@dataclass(frozen=True, slots=True)
class _Listed:
    """The services of a snapshot, in the form that the rule for names needs."""

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
