"""`make up`: starts what is missing of a stack and waits until every route answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from discovery.settings import without_password
from gateway.stack.down import stop_everything
from gateway.stack.environment import process_environment, stop_wait
from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec
from gateway.stack.ports import holder_of, is_free
from gateway.stack.ps import ProcessRow, running
from gateway.stack.registry_server import RegistryChoice, choose_registry, default_url
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervision import LIVE, Supervisor
from gateway.stack.waiting import Watch

READY_WITHIN_S = 60.0
REGISTRY_WITHIN_S = 20.0

Report = Callable[[str], None]
MakePlan = Callable[[Sequence[ProcessSpec]], list[ProcessSpec]]


@dataclass(slots=True)
class StartUp:
    """One run of `up`; `make_plan` gets the processes that already belong to the stack."""

    state: StackState
    root: Path
    make_plan: MakePlan
    registry_port: int
    environ: Mapping[str, str]
    report: Report
    ready_within_s: float = READY_WITHIN_S
    supervisor: Supervisor = field(init=False)
    watch: Watch = field(init=False)
    started: list[str] = field(init=False, default_factory=list)

    def run(self) -> tuple[list[ProcessRow], StackRecord]:
        self.supervisor = Supervisor(self.state)
        self.watch = Watch(self.state, self.supervisor, self.report)
        with self.state.locked():
            self.state.prepare()
            self.state.ensure_admin_token()
            before = self.state.load_record() if self.supervisor.answers() else None
            if before is None:
                stop_everything(self.state, self.report)
            try:
                record = self._start_missing(before)
                self._wait_until_ready(record.processes)
            except BaseException:
                self._take_back(before)
                raise
            return running(self.state), record

    def _start_missing(self, before: StackRecord | None) -> StackRecord:
        kept = before.processes if before else ()
        registry = self._registry(before)
        planned = self.make_plan(kept)
        if registry.process:
            planned.insert(0, registry.process)
        live = self._live() if before else set()
        missing = [process for process in planned if process.name not in live]
        _require_free_ports(missing)
        stop_wait_s = before.stop_wait_s if before else stop_wait(self.environ)
        record = StackRecord(tuple(planned), registry.url, registry.about, stop_wait_s)
        self.supervisor.configure(planned, stop_wait_s=stop_wait_s)
        if before:
            self.supervisor.take_in_new()
        else:
            self.supervisor.start(
                self.root, process_environment(self.environ, self.state, registry.url)
            )
        self.state.save_record(record)
        self._start(missing, record)
        return record

    def _registry(self, before: StackRecord | None) -> RegistryChoice:
        given = self.environ.get("REDIS_URL")
        if before is None:
            return choose_registry(given, self.registry_port, self.state)
        if given and given != before.registry_url:
            kept = without_password(before.registry_url)
            self.report(f"runs with {kept} already; `make restart` takes the new REDIS_URL")
        own = next((spec for spec in before.processes if spec.name == REGISTRY), None)
        if own or before.registry_url != default_url(self.registry_port):
            return RegistryChoice(before.registry_url, before.registry_about, own)
        return choose_registry(None, self.registry_port, self.state)

    def _start(self, missing: Sequence[ProcessSpec], record: StackRecord) -> None:
        for process in missing:
            if process.name == REGISTRY:
                self._start_one(process)
                self.watch.until_healthy([process], within_s=REGISTRY_WITHIN_S)
        self.report(f"registry: {without_password(record.registry_url)} ({record.registry_about})")
        for process in missing:
            if process.name != REGISTRY:
                self._start_one(process)
        if not missing:
            self.report("everything runs already")

    def _start_one(self, process: ProcessSpec) -> None:
        self.report(f"starting {process.name} on port {process.port}")
        self.started.append(process.name)
        self.supervisor.start_process(process.name)

    def _wait_until_ready(self, processes: Sequence[ProcessSpec]) -> None:
        self.watch.until_healthy(
            [process for process in processes if process.name != REGISTRY],
            within_s=self.ready_within_s,
        )
        gateway = next(process for process in processes if process.service == GATEWAY)
        services = [spec for spec in processes if spec.service not in {GATEWAY, REGISTRY}]
        self.watch.until_routed(gateway, services, within_s=self.ready_within_s)

    def _take_back(self, before: StackRecord | None) -> None:
        """Stop what this run started, and nothing that ran before."""
        if before is None:
            stop_everything(self.state, self.report)
            return
        if self.started:
            self.supervisor.stop_processes(self.started, within_s=before.stop_wait_s + 1)
            self.report(f"stopped {', '.join(self.started)}")
        known = {process.name for process in before.processes}
        self.supervisor.configure(before.processes, stop_wait_s=before.stop_wait_s)
        self.supervisor.forget(sorted(set(self.supervisor.processes()) - known))
        self.state.save_record(before)

    def _live(self) -> set[str]:
        statuses = self.supervisor.processes().values()
        return {status.name for status in statuses if status.state in LIVE}


def _require_free_ports(processes: Sequence[ProcessSpec]) -> None:
    taken = []
    for process in processes:
        if not is_free(process.port, process.host):
            holder = holder_of(process.port) or "a program that cannot be seen from here"
            taken.append(f"port {process.port}, which {process.name} needs, is taken by {holder}")
    if taken:
        raise StackError(
            "; ".join(taken)
            + ". Stop that, or move the stack: make up PORT_OFFSET=N adds N to every port"
        )
