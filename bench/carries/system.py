"""A system of services, and the calls that it makes to its registry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from discovery.member.sweeper import SWEEP_INTERVAL_S
from discovery.view.watcher import READ_WAIT_S

#: Looks at a drain until all workers have acknowledged it.
LOOKS_AT_A_DRAIN = 4


@dataclass(frozen=True, slots=True)
class System:
    """What there is, and how busy it is.

    `limited` is the share of the requests that ask for a limit, `limits` how many limits each of these has,
    `clients` those that a limit counts in one window, `asks` what each of them asks in it. `restarts_s` are
    the instances that are replaced in a second while the system is rolled.
    """

    name: str = "a system"
    requests_s: float = 100.0
    limited: float = 1.0
    limits: int = 1
    clients: int = 1_000
    asks: float = 20.0
    services: int = 10
    instances: int = 30
    heartbeat_s: float = 5.0
    heartbeats_per_call: int = 1
    restarts_s: float = 1.0
    gateways: int = 1
    workers: int = 1
    network_ms: float = 0.3
    link_mbit_s: float = 1_000.0
    memory_mib: float = 4_096.0

    @property
    def followers(self) -> int:
        """The workers of all gateways; each follows the registry."""
        return self.gateways * self.workers

    @property
    def asks_s(self) -> float:
        return self.requests_s * self.limited


@dataclass(frozen=True, slots=True)
class Calls:
    """So many calls a second of one kind, with their parts; `why` groups them for a reader.

    `wakes`: how often a call may find the registry with nothing to do, beyond what its measured cost has.
    """

    why: str
    family: str
    per_s: float
    parts: Mapping[str, float]
    wakes: float = 0.0


def calls_of(system: System) -> Iterator[Calls]:
    """All calls but those of the limiter, whose number depends on how quickly they are answered."""
    followers, gateways = system.followers, system.gateways
    beats_s = system.instances / system.heartbeat_s
    at_once = min(system.heartbeats_per_call, max(1, system.instances))
    yield Calls("heartbeats", "heartbeats", beats_s / at_once, {"call": 1, "heartbeat": at_once}, 1)
    yield Calls(
        "leases of workers",
        "sweeps",
        followers / SWEEP_INTERVAL_S,
        {"call": 1, "worker": followers},
        1,
    )
    # Each second a follower's read ends without news, and it asks whether the data are the same.
    yield Calls("followers at rest", "idle", followers / READ_WAIT_S, {"second": 1}, 2)
    of_workers = {"register": followers, "drain": followers, "deregister": followers}
    for kind, count in of_workers.items():
        parts = {kind: 1, f"{kind}, a follower": count}
        # Each follower sends its next read at a time of its own.
        yield Calls("changes", "changes", system.restarts_s, parts, followers)
    parts = {"verdict": 1, "verdict, a follower": followers, "a verdict, a gateway": gateways}
    yield Calls("changes", "changes", system.restarts_s, parts, followers)
    parts = {"same verdict": 1, "a verdict, a gateway": gateways}
    yield Calls("changes", "changes", system.restarts_s * (gateways - 1), parts)
    yield Calls("changes", "changes", system.restarts_s * followers, {"acknowledge": 1})
    parts = {"drained": 1, "drained, a worker": followers}
    yield Calls("changes", "changes", system.restarts_s * LOOKS_AT_A_DRAIN, parts)
