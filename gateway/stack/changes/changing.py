"""Brings a stack from what runs to what is asked for, step by step, or back again."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.stack.changes.environment import shell_script
from gateway.stack.changes.steps import Step
from gateway.stack.changes.variables import process_variables
from gateway.stack.changes.waiting import Watch
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec
from gateway.stack.running.readiness import health_of
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervisord.supervision import LIVE, Supervisor

READY_WITHIN_S = 60.0
REGISTRY_WITHIN_S = 20.0
# How much longer than its supervisor's time to kill it a process may take to end.
KILL_WAIT_S = 5.0


@dataclass(slots=True)
class Change:
    """`running` is what runs at the moment; it does not wait for what was unwell before."""

    state: StackState
    supervisor: Supervisor
    watch: Watch
    asked: StackRecord
    running: dict[str, ProcessSpec]
    report: Callable[[str], None]
    ready_within_s: float = READY_WITHIN_S
    _well: set[str] = field(init=False, default_factory=set)

    def carry_out(self, steps: Iterable[Step]) -> None:
        """Carry out the steps; StackError if a process does not come up, and the rest stays as it is."""
        steps = list(steps)
        if steps:
            self._well = {
                name for name, spec in self.running.items() if health_of(spec) == "healthy"
            }
        stand_ins = {spec.name: spec for step in steps for spec in step.start}
        wanted = {spec.name: spec for spec in self.asked.processes}
        self._configure({**self.running, **stand_ins, **wanted})
        for step in steps:
            self._stop(step.stop)
            self._start(step.start)
        self._configure(wanted)
        self._forget_all_but(wanted)

    def wait_until_all_answer(self) -> None:
        self._well = set(self.running)
        self._wait_until_ready(list(self.running.values()))

    def take_back(self, before: StackRecord) -> None:
        """Stop what was started and start what ran before, without waiting."""
        was = {spec.name: spec for spec in before.processes}
        started = [name for name, spec in self.running.items() if was.get(name) != spec]
        ended = [spec for name, spec in was.items() if self.running.get(name) != spec]
        self.asked = before
        self._configure({**self.running, **was})
        self._stop(started)
        self._forget_all_but({**self.running, **was})
        for spec in ended:
            self._start_one(spec)
        self.state.save_record(before)

    def _configure(self, processes: Mapping[str, ProcessSpec]) -> None:
        self.supervisor.configure(processes.values(), stop_wait_s=self.asked.stop_wait_s)
        self.supervisor.read_configuration()

    def _stop(self, names: Collection[str]) -> None:
        if not names:
            return
        self.report(f"stopping {', '.join(names)}")
        self._end(names)
        for name in names:
            self.running.pop(name, None)
        self._save()

    def _end(self, names: Collection[str]) -> None:
        self.supervisor.stop_processes(list(names), within_s=self.asked.stop_wait_s + KILL_WAIT_S)

    def _start(self, specs: Collection[ProcessSpec]) -> None:
        if not specs:
            return
        self._end([spec.name for spec in specs])  # a process that keeps crashing would interfere
        for spec in specs:
            self.watch.expect_anew(spec.name)
            self._start_one(spec)
            self._well.add(spec.name)
        self._wait_until_ready(specs)

    def _start_one(self, spec: ProcessSpec) -> None:
        self.report(f"starting {spec.name} on port {spec.port}")
        self.running[spec.name] = spec
        self._save()
        self.supervisor.start_process(spec.name, shell_script(spec, process_variables()))

    def _wait_until_ready(self, specs: Collection[ProcessSpec]) -> None:
        registry = [spec for spec in specs if spec.service == REGISTRY]
        self.watch.until_healthy(registry, within_s=REGISTRY_WITHIN_S)
        others = [spec for spec in specs if spec.service != REGISTRY]
        self.watch.until_healthy(others, within_s=self.ready_within_s)
        gateway = self.running.get(GATEWAY)
        if gateway is not None:
            services = self._routed_beside(others)
            self.watch.until_routed(gateway, services, within_s=self.ready_within_s)

    def _routed_beside(self, started: Collection[ProcessSpec]) -> list[ProcessSpec]:
        """The well instances of the services just started; of all services if the gateway was started."""
        concerned = {spec.service for spec in started}
        return [
            spec
            for name, spec in self.running.items()
            if name in self._well
            and spec.service not in {GATEWAY, REGISTRY}
            and (spec.service in concerned or GATEWAY in concerned)
        ]

    def _forget_all_but(self, known: Mapping[str, ProcessSpec]) -> None:
        left = {
            name
            for name, status in self.supervisor.processes().items()
            if name not in known and status.state not in LIVE
        }
        self.supervisor.forget(sorted(left))

    def _save(self) -> None:
        """Record what runs now, and the rest as asked for, so that a killed `up` leaves a true record."""
        asked = {spec.name: spec for spec in self.asked.processes}
        processes = tuple({**asked, **self.running}.values())
        self.state.save_record(replace(self.asked, processes=processes))
