"""What the registry answers, as values."""

from dataclasses import dataclass

from .instance import Instance

#: How long a service stays known, and a removal on purpose is remembered.
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

    A view of the same `epoch` includes the change from `revision` on.
    """

    known: bool
    epoch: str
    revision: int


@dataclass(frozen=True, slots=True)
class Reported:
    """`new_lease`: the registry may have lost this gateway's verdicts, so report them again."""

    revision: int
    new_lease: bool


@dataclass(frozen=True, slots=True)
class Swept:
    """`new_lease`: the registry did not know this gateway, so its verdicts are reported again.

    `mended`: keys of a wrong type, which have been removed.
    """

    epoch: str
    revision: int
    live_gateways: int
    new_lease: bool
    live_workers: int = 1
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drained:
    """How far a drain has come: `missing` of the live `workers` have not acknowledged it yet.

    `draining` is False where there is no such instance, or it has registered anew.
    """

    draining: bool
    workers: int
    missing: int
    in_flight: int

    @property
    def complete(self) -> bool:
        """Whether no worker sends requests there any more, and every answer is out."""
        return self.draining and not self.missing


#: The state of an instance that is not registered any more, where nobody says why.
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry says of an instance, for its owner.

    `state` is starting, healthy, unhealthy or draining while it is registered. Afterwards it is removed
    (for ill health), deregistered (on purpose), empty (its lease lapsed or the data were lost) or gone
    (nobody says which). `evidence` is the last evidence against it, `gateway_url` where clients reach a
    gateway; both may be empty.
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

    `probation`: instances removed for ill health that have not been healthy since, registered or not.
    `lapsed`: leases that ended, by the stream, since the caller last followed it.
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
