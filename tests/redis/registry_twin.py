"""What the registry's scripts mean, in plain Python: the oracle that they are compared with.

It has no clock. `lapse`, `lapse_gateway` and `outstay` tell it that a lease has lapsed or that an
instance has been unhealthy for too long; a test tells the server the same through scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from discovery.model.instance import Instance


@dataclass(frozen=True)
class TwinEvent:
    """One entry of the stream; `more` has the fields of its kind."""

    revision: int
    kind: str
    key: str
    more: tuple[object, ...] = ()


@dataclass
class TwinInstance:
    """A registered instance; `lapsed`: its lease has ended and nobody has swept since."""

    instance: Instance
    draining: bool = False
    lapsed: bool = False
    status: str = "starting"
    outstayed: bool = False


@dataclass
class RegistryTwin:
    """The registry as a few dictionaries; the methods have the scripts' names."""

    instances: dict[str, TwinInstance] = field(default_factory=dict)
    #: For each gateway, whether its lease runs.
    gateways: dict[str, bool] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    probation: set[str] = field(default_factory=set)
    events: list[TwinEvent] = field(default_factory=list)
    #: For each worker, whether its lease runs.
    workers: dict[str, bool] = field(default_factory=dict)
    #: The requests that each worker has at draining instances.
    acks: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Each gateway's evidence against an instance, and where clients reach the gateway.
    whys: dict[tuple[str, str], str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    #: Instances whose last removal was for ill health.
    gone_ill: set[str] = field(default_factory=set)

    @property
    def revision(self) -> int:
        return len(self.events)

    @property
    def live_gateways(self) -> list[str]:
        return [gateway for gateway, live in self.gateways.items() if live]

    # The scripts

    def register(self, instance: Instance) -> bool:
        """Register; True if the instance is new. A known instance keeps its health."""
        before = self.instances.get(instance.key)
        now = TwinInstance(instance)
        if before is not None:
            now.status, now.outstayed = before.status, before.outstayed
        self.instances[instance.key] = now
        self.removed.discard(instance.key)
        self._forget_drain(instance.key)
        self._emit("registered", instance.key, instance)
        return before is None

    def renew(self, keys: Sequence[str]) -> list[str]:
        """The state of each instance, empty if it is not registered."""
        for key in keys:
            if key in self.instances:
                self.instances[key].lapsed = False
        return [self._state(key) if key in self.instances else "" for key in keys]

    def standing(self, key: str) -> tuple[set[str], set[str], set[str]]:
        """The possible states of an instance, the evidence against it, and the gateways' URLs."""
        status = self.instances[key].status if key in self.instances else "starting"
        agreeing = [one for one in self.live_gateways if self.verdicts.get((one, key)) == status]
        knowing = self.live_gateways if status == "starting" else agreeing
        evidence = {self.whys[one, key] for one in knowing if (one, key) in self.whys}
        urls = {self.urls[one] for one in agreeing if one in self.urls} or {
            self.urls[one] for one in self.live_gateways if one in self.urls
        }
        return self._states(key), evidence or {""}, urls or {""}

    def drain(self, key: str) -> bool:
        there = self.instances.get(key)
        if there is None:
            self._take_out_unknown(key)
        elif not there.draining:
            there.draining = True
            self._emit("draining", key)
        return there is not None

    def acknowledge(self, worker: str, said: Sequence[tuple[str, bool, int]]) -> list[bool]:
        """Note drains: instance, whether its present registration is meant, requests. True where it counts."""
        taken = []
        self.workers[worker] = True
        for key, is_present, in_flight in said:
            there = self.instances.get(key)
            taken.append(there is not None and there.draining and is_present)
            if taken[-1]:
                self.acks[worker, key] = in_flight
        return taken

    def drained(self, key: str) -> tuple[bool, int, int, int]:
        """Whether it drains, the live workers, those without an acknowledgement, the requests in flight."""
        there = self.instances.get(key)
        live = [worker for worker, lives in self.workers.items() if lives]
        said = [self.acks.get((worker, key)) for worker in live]
        return (
            there is not None and there.draining,
            len(live),
            sum(in_flight != 0 for in_flight in said),
            sum(in_flight or 0 for in_flight in said),
        )

    def leases(self, keys: Sequence[str]) -> dict[str, bool]:
        """For each registered instance, whether its lease has lapsed."""
        return {key: self.instances[key].lapsed for key in keys if key in self.instances}

    def deregister(self, key: str) -> bool:
        if key not in self.instances:
            self._take_out_unknown(key)
            return False
        self._forget(key)
        self.removed.add(key)
        self.gone_ill.discard(key)
        self._emit("deregistered", key)
        return True

    def report(self, gateway: str, verdicts: Sequence[tuple[str, str, str]]) -> bool:
        """True when this gateway's lease was new."""
        new_lease = not self.gateways.get(gateway, False)
        self.gateways[gateway] = True
        for key, verdict, evidence in verdicts:
            if key in self.instances:
                self.verdicts[gateway, key] = verdict
                self._note_evidence(gateway, key, verdict, evidence)
                self._refresh(key, evidence)
        return new_lease

    def sweep(self, gateway: str, worker: str = "", *, leaves: bool = False, url: str = "") -> bool:
        """True when this gateway's lease was new."""
        new_lease = bool(gateway) and not self.gateways.get(gateway, False)
        if gateway:
            self.gateways[gateway] = True
            if url:
                self.urls[gateway] = url
        for dead in sorted(name for name, live in self.gateways.items() if not live):
            del self.gateways[dead]
            self.urls.pop(dead, None)
            self.whys = {pair: why for pair, why in self.whys.items() if pair[0] != dead}
            for key in sorted(self.instances):
                self.verdicts.pop((dead, key), None)
                self._refresh(key, "a gateway is gone")
        if worker:
            self.workers[worker] = not leaves
        self.workers = {name: True for name, live in self.workers.items() if live}
        self.acks = {pair: said for pair, said in self.acks.items() if pair[0] in self.workers}
        for key in sorted(key for key, there in self.instances.items() if there.lapsed):
            if self.instances[key].draining:
                self.removed.add(key)
                self.gone_ill.discard(key)
            self._forget(key)
            self._emit("expired", key)
        for key in sorted(key for key, there in self.instances.items() if there.outstayed):
            self._forget(key)
            self.removed.add(key)
            self.probation.add(key)
            self.gone_ill.add(key)
            self._emit("removed", key)
        return new_lease

    # The passing of time

    def lapse(self, key: str) -> None:
        self.instances[key].lapsed = True

    def lapse_gateway(self, gateway: str) -> None:
        self.gateways[gateway] = False

    def lapse_worker(self, worker: str) -> None:
        self.workers[worker] = False

    def outstay(self, key: str) -> None:
        """Make an instance unhealthy for longer than it may be."""
        self.instances[key].outstayed = True

    # Shared by several scripts

    def _states(self, key: str) -> set[str]:
        if key in self.instances:
            return {self._state(key)}
        if key not in self.removed:
            return {""}
        if key in self.gone_ill:
            return {"removed"}
        # The server can't tell the two apart if both happen in one millisecond.
        return {"deregistered", "removed"} if key in self.probation else {"deregistered"}

    def _state(self, key: str) -> str:
        there = self.instances[key]
        return "draining" if there.draining else there.status

    def _note_evidence(self, gateway: str, key: str, verdict: str, evidence: str) -> None:
        self.whys.pop((gateway, key), None)
        if evidence and verdict != "healthy":
            self.whys[gateway, key] = evidence

    def _emit(self, kind: str, key: str, *more: object) -> None:
        self.events.append(TwinEvent(self.revision + 1, kind, key, more))

    def _forget(self, key: str) -> None:
        del self.instances[key]
        self._forget_drain(key)
        self.known.add(key.partition("/")[0])
        self.verdicts = {pair: said for pair, said in self.verdicts.items() if pair[1] != key}
        self.whys = {pair: why for pair, why in self.whys.items() if pair[1] != key}

    def _take_out_unknown(self, key: str) -> None:
        self.gone_ill.discard(key)
        if key not in self.removed:
            self.removed.add(key)
            self._emit("deregistered", key)

    def _forget_drain(self, key: str) -> None:
        self.acks = {pair: said for pair, said in self.acks.items() if pair[1] != key}

    def _refresh(self, key: str, evidence: str) -> None:
        """One live gateway's pass makes it healthy; all must fail it to make it unhealthy."""
        said = [self.verdicts.get((gateway, key)) for gateway in self.live_gateways]
        there = self.instances[key]
        before = there.status
        if "healthy" in said:
            there.status = "healthy"
        elif "starting" in said or ("unhealthy" in said and None in said):
            there.status = "starting"
        elif "unhealthy" in said:
            there.status = "unhealthy"
        if there.status != before:
            there.outstayed = False
            if there.status == "healthy":
                self.probation.discard(key)
            self._emit("health_changed", key, before, there.status, evidence)
