"""A service whose instances are ejected, or that gets a pause, for what real requests say of it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from discovery.health.book import HealthBook
from discovery.model.instance import Instance
from discovery.view.view import Entry
from gateway.front.answer import Answer
from gateway.hop.deciding import breaking
from gateway.hop.deciding.blaming import BREAKS, FAILED, blame
from gateway.hop.deciding.breaking import Circuit
from gateway.hop.deciding.doubting import LEAST_LATER_S as LEAST_LATER_UNREPEATABLE_S
from gateway.hop.deciding.doubting import doubt, enough, is_late, risk
from gateway.hop.deciding.ejecting import (
    LEAST_LATER_S,
    Change,
    Ending,
    Standing,
    answered_well,
    broke_off,
    late_after,
    may_try,
    room,
    step,
)
from gateway.hop.deciding.rolling import Peak, typical_of
from middlewares.candidates.deciding import Candidate, Candidates
from middlewares.exchange import Attempt
from middlewares.failures import CircuitOpen, Failure, UpstreamReset
from middlewares.routing.policy import Breaker, Outliers, RoutePolicy

#: For so long the siblings' typical time, and the candidates that nothing speaks against, are not found anew.
FRESH_FOR_S = 0.1
#: A circuit that fails is looked at so often.
LOOK_EVERY_S = 0.05

#: What is known of a service's instances, by key.
EntriesOf = Callable[[str], Mapping[str, Entry]]

_Clean = tuple[Candidates | None, bool, float, Candidates | None]
_NONE_KNOWN: _Clean = (None, False, 0.0, None)
#: For a service that has a breaker alone.
_NO_RULES = Outliers(failures=0, rate=0.0, latency=0.0)
_SAID = {"open": "opened", "half_open": "half_opened", "returning": "returning", "closed": "closed"}

_log = structlog.get_logger()


class WatchedService:
    """One service: what its instances and all of it have answered, and who is out for that."""

    def __init__(
        self, name: str, policy: RoutePolicy, health: HealthBook, entries_of: EntriesOf
    ) -> None:
        self.name = name
        self.outliers: Outliers | None = policy.outliers
        self.breaker: Breaker | None = policy.breaker
        self.standings: dict[str, Standing] = {}
        self.circuit = Circuit()
        #: How often an instance was put out, or kept out by a failed trial.
        self.ejections = 0
        self._health = health
        self._entries_of = entries_of
        #: The requests that were let in while the circuit was closed.
        self._asked = Peak()
        self._looked_s = 0.0
        #: When the siblings' times were last found, the sum of all windows, and the share of each.
        self._timed_s = 0.0
        self._times: dict[str, tuple[float, int]] = {}
        self._all_times = (0.0, 0)
        #: The clean ones of which candidates, for which kind of request, and until when that is good.
        self._clean = _NONE_KNOWN

    def take(self, policy: RoutePolicy) -> None:
        """Go by this policy from now on."""
        self.outliers, self.breaker = policy.outliers, policy.breaker
        if policy.breaker is None:
            self.circuit = Circuit()

    def admit(self, *, repeatable: bool) -> None:
        """Let a request in; raises CircuitOpen."""
        breaker, circuit = self.breaker, self.circuit
        if breaker is None:
            return
        now_s = time.monotonic()
        if circuit.state == "closed":
            self._asked.count(now_s)
            return
        before = circuit.state
        wait_s = breaking.admit(circuit, now_s, breaker.open_for_s, repeatable=repeatable)
        if circuit.state != before:
            self._circuit_changed(now_s)
        if wait_s:
            raise CircuitOpen(self.name, wait_s, circuit.evidence)

    def instead(
        self, chosen: Candidate, candidates: Candidates, *, repeatable: bool
    ) -> Candidates | None:
        """Those among whom another one should be chosen; None: the chosen one is right.

        A request at its first attempt may be a trial at an ejected instance, which then is alone.
        """
        rules = self.outliers
        if rules is None:
            return None
        if candidates.ejected and self.circuit.state == "closed":
            now_s = time.monotonic()
            for one in candidates.ejected:
                standing = self.standings.get(one.instance.key)
                if standing is not None and may_try(standing, now_s, repeatable=repeatable):
                    trial = Candidates((one,))
                    trial.are_on_trial = True
                    return trial
        standing = self.standings.get(chosen.instance.key)
        if standing is None or len(candidates) == 1:
            return None
        has_failed = standing.failed_s or standing.ended_s
        if not standing.lates and not standing.waiting and (repeatable or not has_failed):
            return None
        now_s = time.monotonic()
        if not self._doubt(chosen, now_s, rules, repeatable=repeatable):
            if is_late(standing, now_s, None):
                risk(standing, now_s)
            return None
        return self._clean_of(candidates, now_s, rules, repeatable=repeatable)

    def attempt_began(self, instance: Instance, *, is_upload: bool) -> None:
        """Note a request to an instance; with `is_upload` its client may be what takes long."""
        standing = self.standings.get(instance.key)
        if standing is None:
            if instance.key not in self._entries_of(self.name):
                return  # it has left since it was chosen, and nobody would forget it again
            standing = self.standings[instance.key] = Standing()
        if standing.waiting == standing.uploads and not is_upload:
            standing.waiting_since_s = time.monotonic()
        standing.waiting += 1
        standing.uploads += is_upload

    def attempt_ended(
        self,
        instance: Instance,
        outcome: Answer | Failure | None,
        attempt: Attempt,
        patience_s: float,
        *,
        is_upload: bool,
    ) -> None:
        """Note how it ended; None: its client left, which says nothing."""
        standing = self.standings.get(instance.key)
        if standing is None:
            return
        if standing.waiting:
            standing.waiting -= 1
        if is_upload and standing.uploads:
            standing.uploads -= 1
        if outcome is None:
            self.said_nothing(attempt.started_s)
            return
        took_s, now_s = attempt.duration_s, attempt.started_s + attempt.duration_s
        failure = ""
        if isinstance(outcome, Failure):
            failure = blame(outcome, took_s, patience_s)
            if not failure:
                if isinstance(outcome, UpstreamReset):
                    standing.ended_s, self._clean = now_s, _NONE_KNOWN
                self.said_nothing(attempt.started_s)
                return
        elif outcome.status in FAILED:
            failure = f"answered {outcome.status}"
        elif self.circuit.state == "closed" and not standing.is_out and took_s < LEAST_LATER_S:
            answered_well(standing, now_s, None if is_upload else took_s)
            return
        self._take(
            instance,
            standing,
            Ending(attempt.started_s, failure, None if is_upload else took_s),
            now_s,
        )

    def said_nothing(self, began_s: float) -> None:
        """Note that a request, or an attempt that began then, ended without a word on the service."""
        breaking.said_nothing(self.circuit, began_s)

    def body_broke(self, key: str, attempt: Attempt, reason: str) -> None:
        """Note that the body of an answer broke off, by the contract's `reason`."""
        standing, entry = self.standings.get(key), self._entries_of(self.name).get(key)
        rules = self.outliers
        if standing is None or entry is None or rules is None or reason not in BREAKS:
            return
        self._clean = _NONE_KNOWN
        room = not standing.is_out and self._has_room(rules)
        failure = f"the body broke off ({reason})"
        now_s = time.monotonic()
        change = broke_off(standing, attempt.started_s, failure, rules, room=room, now_s=now_s)
        if change is not None:
            self._changed(entry.instance, change)

    def _take(self, instance: Instance, standing: Standing, ending: Ending, now_s: float) -> None:
        """Take in an ending that may change something."""
        rules, took_s = self.outliers or _NO_RULES, ending.took_s
        late_after_s = None
        if took_s is not None and took_s >= LEAST_LATER_S:
            late_after_s = self._late_after_s(instance.key, now_s, rules, LEAST_LATER_S)
        speaks_against = bool(ending.failure) or late_after_s is not None
        has_room = speaks_against and not standing.is_out and self._has_room(rules)
        change = step(standing, ending, rules, late_after_s, room=has_room, now_s=now_s)
        if ending.failure:
            self._clean = _NONE_KNOWN
        if change is not None:
            self._changed(instance, change)
        if self.breaker is not None:
            self._take_for_all(self.breaker, ending, now_s)

    def _take_for_all(self, breaker: Breaker, ending: Ending, now_s: float) -> None:
        circuit, failure = self.circuit, ending.failure
        before = circuit.state
        if before != "closed":
            breaking.ended(circuit, ending.began_s, failure, now_s, breaker.open_for_s)
        elif failure and now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            windows = [one.window for one in self.standings.values()]
            for one in windows:
                one.roll(now_s)
            usual_per_s = self._asked.per_s(now_s)
            breaking.trip(circuit, windows, failure, usual_per_s, now_s, breaker.open_for_s)
        if circuit.state != before:
            self._circuit_changed(now_s)

    def _circuit_changed(self, now_s: float) -> None:
        circuit = self.circuit
        if circuit.state == "closed":
            for standing in self.standings.values():
                standing.window.clear()
            self._asked = Peak()
        log = _log.warning if circuit.state == "open" else _log.info
        log(
            f"circuit.{_SAID[circuit.state]}",
            name=self.name,
            evidence=circuit.evidence,
            n=circuit.n,
            open_s=round(circuit.open_until_s - now_s, 3) if circuit.state == "open" else None,
        )

    def _changed(self, instance: Instance, change: Change) -> None:
        who = {"name": instance.name, "instance": instance.id}
        if change.n:
            self.ejections += 1
            self._health.eject(instance, change.evidence)
            out_s = round(change.out_s, 3)
            _log.warning(
                "instance.ejected", **who, evidence=change.evidence, n=change.n, out_s=out_s
            )
        else:
            self._health.readmit(instance, change.evidence)
            _log.info("instance.readmitted", **who, evidence=change.evidence)

    def _has_room(self, rules: Outliers) -> bool:
        """Whether one more may be out, of the instances that pass their probes and get requests."""
        health = self._health
        able = [
            key
            for key, one in self._entries_of(self.name).items()
            if not one.draining and one.instance.weight > 0 and health.status(key) == "healthy"
        ]
        return room(len(able), sum(map(health.is_ejected, able)), rules.most)

    def _doubt(self, one: Candidate, now_s: float, rules: Outliers, *, repeatable: bool) -> str:
        key = one.instance.key
        standing = self.standings.get(key)
        if standing is None:
            return ""
        late_after_s = None
        if standing.waiting or standing.lates:
            least_s = LEAST_LATER_S if repeatable else LEAST_LATER_UNREPEATABLE_S
            late_after_s = self._late_after_s(key, now_s, rules, least_s)
        return doubt(standing, now_s, late_after_s, repeatable=repeatable)

    def _clean_of(
        self, candidates: Candidates, now_s: float, rules: Outliers, *, repeatable: bool
    ) -> Candidates | None:
        """Those that nothing speaks against; None if they are too few."""
        of, of_repeatable, until_s, clean = self._clean
        if of is candidates and of_repeatable == repeatable and now_s < until_s:
            return clean
        clean = Candidates(
            one for one in candidates if not self._doubt(one, now_s, rules, repeatable=repeatable)
        )
        if not enough(len(clean), len(candidates), rules.most):
            clean = None
        self._clean = (candidates, repeatable, now_s + FRESH_FOR_S, clean)
        return clean

    def _late_after_s(
        self, key: str, now_s: float, rules: Outliers, least_s: float
    ) -> float | None:
        """When an answer of this instance is late, by its siblings' times."""
        if now_s - self._timed_s >= FRESH_FOR_S:
            self._timed_s = now_s
            self._times.clear()
            logs, timed = 0.0, 0
            for one, standing in self.standings.items():
                if not standing.is_out:
                    standing.window.roll(now_s)
                    self._times[one] = (standing.window.logs, standing.window.timed)
                    logs += standing.window.logs
                    timed += standing.window.timed
            self._all_times = (logs, timed)
        logs, timed = self._all_times
        own_logs, own_timed = self._times.get(key, (0.0, 0))
        siblings = typical_of(logs - own_logs, timed - own_timed)
        return late_after(siblings, rules.latency, least_s)

    @property
    def ejected(self) -> int:
        """How many instances are out."""
        return sum(one.is_out for one in self.standings.values())

    def describe(self, key: str) -> dict[str, Any] | None:
        """Why an instance is out, and for how long; None: it is in."""
        standing = self.standings.get(key)
        if standing is None or not standing.is_out:
            return None
        left_s = max(0.0, standing.out_until_s - time.monotonic())
        return {
            "evidence": standing.evidence,
            "n": standing.n,
            "left_s": round(left_s, 3),
            "on_trial": not left_s,
        }

    def describe_circuit(self) -> dict[str, Any]:
        """The state of the breaker, and why."""
        circuit, now_s = self.circuit, time.monotonic()
        left_s = max(0.0, circuit.open_until_s - now_s) if circuit.state == "open" else 0.0
        return {
            "state": circuit.state,
            "evidence": circuit.evidence,
            "n": circuit.n,
            "left_s": round(left_s, 3),
        }
