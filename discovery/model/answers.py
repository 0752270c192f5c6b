"""What the registry answers, as values."""

from dataclasses import dataclass

from .instance import Instance

#: A service stays known, and a removal on purpose is remembered, for so long.
REMEMBERED_S = 600.0


@dataclass(frozen=True, slots=True)
class Registered:
    """`created` is False where an instance was replaced; times are the server's, Unix ms."""

    created: bool
    epoch: str
    revision: int
    registered_at_ms: int
    lapses_at_ms: int


@dataclass(frozen=True, slots=True)
class Changed:
    """`known` is False where there was no such instance.

    A view of the same `epoch` is current from `revision` on.
    """

    known: bool
    epoch: str
    revision: int


@dataclass(frozen=True, slots=True)
class Reported:
    """`new_lease`: what this gateway said before may be gone, and has to be said again."""

    revision: int
    new_lease: bool


@dataclass(frozen=True, slots=True)
class Swept:
    """`new_lease`: the registry did not know this gateway, so its verdicts have to be said again.

    `mended`: keys that could not be used, as those of another type, and have been taken away.
    """

    epoch: str
    revision: int
    live_gateways: int
    new_lease: bool
    live_workers: int = 1
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drained:
    """How far a drain has come: `missing` of the live `workers` have still to acknowledge it.

    `draining` is False where there is no such instance, or it has registered anew.
    """

    draining: bool
    workers: int
    missing: int
    in_flight: int

    @property
    def complete(self) -> bool:
        """No worker sends anything there any more, and every answer is out."""
        return self.draining and not self.missing


#: The state of what is not registered any more, where nobody tells why.
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of an instance, for whoever has registered it.

    `state` is starting, healthy, unhealthy or draining. Of what is not registered any more it is
    removed (for ill health), deregistered (on purpose), empty where its lease has lapsed or the data
    were lost, and gone where nobody tells which. `evidence` is what was last seen that speaks against
    it, `gateway_url` where clients reach a gateway; both may be empty.
    """

    state: str
    evidence: str = ""
    live_gateways: int = 1
    gateway_url: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """An instance as the registry has it; times are the server's, Unix ms."""

    instance: Instance
    registered_at_ms: int
    lapses_at_ms: int
    draining: bool
    status: str

    @property
    def last_heartbeat_ms(self) -> int:
        return self.lapses_at_ms - round(self.instance.ttl_s * 1000)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything registered at one moment; `known` maps services to when an instance last went.

    `probation`: what was removed for ill health and has not been healthy since, registered or not.
    `lapsed`: what the stream tells of leases that ended since the caller last followed it.
    """

    epoch: str
    revision: int
    last_event_id: str
    now_ms: int
    live_gateways: int
    records: tuple[Record, ...]
    known: dict[str, int]
    removed: frozenset[str]
    probation: frozenset[str] = frozenset()
    lapsed: frozenset[str] = frozenset()
