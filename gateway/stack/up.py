"""`make up` and `restart`: starts what is missing, and restarts what differs from what is asked for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from discovery.model.errors import SettingsError
from discovery.model.settings import VARIABLES, without_password
from gateway.config.near_names import near_names
from gateway.config.settings import load_settings
from gateway.machine.interpreter import SAVED, description, is_optimised
from gateway.machine.port_holders import stack_that_has
from gateway.stack.changes.changing import READY_WITHIN_S, Change
from gateway.stack.changes.differences import changed_value, differences, summary
from gateway.stack.changes.environment import process_environment, stop_wait
from gateway.stack.changes.free_ports import require_free_ports
from gateway.stack.changes.selection import missing_dependencies
from gateway.stack.changes.steps import Step, steps, steps_to_another_registry
from gateway.stack.changes.variables import defaults_of, known_variables
from gateway.stack.changes.waiting import Watch
from gateway.stack.configuration_file import require_valid_file
from gateway.stack.down import stop_everything
from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec
from gateway.stack.registry.server import RegistryChoice, choose_registry
from gateway.stack.running.ps import ProcessRow, running
from gateway.stack.running.serving import require_not_served
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervisord.supervision import RUNNING, Supervisor

NAMESPACE = VARIABLES["namespace"]
GAP = "it is the only one, so nothing is answered for about a second"

Report = Callable[[str], None]
#: Plans the processes that are asked for, from those that run (None: none) and the environment.
MakePlan = Callable[[Sequence[ProcessSpec] | None, Mapping[str, str]], list[ProcessSpec]]
#: Plans another instance of a service, on a port that is none of these.
MakeStandIn = Callable[[ProcessSpec, Collection[int]], ProcessSpec]


@dataclass(slots=True)
class StartUp:
    """One run of `up`, or of `restart` for the processes named in `only`."""

    state: StackState
    root: Path
    make_plan: MakePlan
    make_stand_in: MakeStandIn
    registry_port: int
    environ: Mapping[str, str]
    report: Report
    only: frozenset[str] = frozenset()
    ready_within_s: float = READY_WITHIN_S
    supervisor: Supervisor = field(init=False)

    def run(self) -> tuple[list[ProcessRow], StackRecord]:
        self.supervisor = Supervisor(self.state)
        with self.state.locked():
            require_not_served(self.state)
            self.state.prepare()
            self.state.ensure_admin_token()
            before = self.state.load_record() if self.supervisor.answers() else None
            if before is None:
                stop_everything(self.state, self.report)
                record = self._start_anew()
            else:
                record = self._change(before)
            return running(self.state), record

    def _start_anew(self) -> StackRecord:
        asked = self._asked(None)
        require_free_ports(asked.processes)
        change = self._change_to(asked, {})
        self._say_what_is_odd(asked)
        if is_optimised() is False:
            self.report(
                f"{description()}: the gateway needs {SAVED} less CPU with an optimised build; "
                "`lockgate doctor` says how to get one"
            )
        try:
            self.supervisor.configure(asked.processes, stop_wait_s=asked.stop_wait_s)
            self.supervisor.start(self.root, self.environ)
            change.carry_out(steps({}, _by_name(asked), (), self._stand_ins_beside(set())))
            change.wait_until_all_answer()
        except BaseException:
            stop_everything(self.state, self.report)
            raise
        self.state.save_record(asked)
        return asked

    def _change(self, before: StackRecord) -> StackRecord:
        asked = self._asked(before)
        live = self._live(before)
        require_free_ports(
            [
                one
                for one in asked.processes
                if one.name not in live or live[one.name].port != one.port
            ]
        )
        self._say_what_is_odd(asked)
        planned = self._steps(before, asked, live)
        if not planned:
            self.report("everything runs already")
        change = self._change_to(asked, live)
        try:
            change.carry_out(planned)
            if not self.only:
                change.wait_until_all_answer()
        except BaseException:
            change.take_back(before)
            raise
        self.state.save_record(asked)
        return asked

    def _asked(self, before: StackRecord | None) -> StackRecord:
        registry = self._registry(before)
        environment = process_environment(self.environ, self.state, registry.url)
        _require_valid(environment, runs=before is not None)
        planned = self.make_plan(before.processes if before else None, environment)
        if registry.process:
            planned.insert(0, registry.process)
        asked = StackRecord(tuple(planned), registry.url, registry.about, stop_wait(self.environ))
        return asked if before is None or not self.only else self._only(before, asked)

    def _only(self, before: StackRecord, asked: StackRecord) -> StackRecord:
        """What runs, with the named processes as they are asked for now."""
        if other := _other_registry(before, asked):
            raise StackError(f"{other}: `make up` takes the whole stack there, and not one of it")
        now = _by_name(asked)
        processes = (now[one.name] if one.name in self.only else one for one in before.processes)
        return replace(asked, processes=tuple(processes))

    def _registry(self, before: StackRecord | None) -> RegistryChoice:
        given = self.environ.get("REDIS_URL")
        if before is None:
            return choose_registry(given, self.registry_port, self.state)
        own = next((spec for spec in before.processes if spec.name == REGISTRY), None)
        kept = RegistryChoice(before.registry_url, before.registry_about, own)
        if given == before.registry_url or (not given and (own or self.only)):
            return kept
        return choose_registry(given, self.registry_port, self.state)

    def _steps(
        self, before: StackRecord, asked: StackRecord, live: dict[str, ProcessSpec]
    ) -> list[Step]:
        wanted = self._wanted(asked, live)
        if elsewhere := _other_registry(before, asked):
            self.report(f"{elsewhere}: everything starts anew, and is not answered meanwhile")
            return steps_to_another_registry(live, wanted)
        found = {
            name: differences(spec, wanted[name]) for name, spec in live.items() if name in wanted
        }
        restart = {name for name, texts in found.items() if texts} | (self.only & live.keys())
        for line in summary(found):
            self.report(line)
        if GATEWAY in restart:
            self.report(f"{GATEWAY} restarts: {GAP}")
        if gone := [name for name in live if name not in wanted]:
            self.report(f"not asked for any more (SCALE, SERVICES): {', '.join(gone)}")
        taken = {spec.port for spec in [*live.values(), *asked.processes]}
        return steps(live, wanted, restart, self._stand_ins_beside(taken))

    def _wanted(
        self, asked: StackRecord, live: Mapping[str, ProcessSpec]
    ) -> dict[str, ProcessSpec]:
        """The processes that must run at the end; with named ones, others that are down don't matter."""
        return {
            name: spec
            for name, spec in _by_name(asked).items()
            if not self.only or name in self.only or name in live
        }

    def _stand_ins_beside(self, taken: set[int]) -> Callable[[ProcessSpec], ProcessSpec]:
        """Stand-ins, each on a port that is free."""

        def make(spec: ProcessSpec) -> ProcessSpec:
            stand_in = self.make_stand_in(spec, taken)
            taken.add(stand_in.port)
            return stand_in

        return make

    def _change_to(self, asked: StackRecord, live: dict[str, ProcessSpec]) -> Change:
        return Change(
            state=self.state,
            supervisor=self.supervisor,
            watch=Watch(self.state, self.supervisor, self.report),
            asked=asked,
            running=live,
            report=self.report,
            ready_within_s=self.ready_within_s,
        )

    def _say_what_is_odd(self, asked: StackRecord) -> None:
        self.report(f"registry: {without_password(asked.registry_url)} ({asked.registry_about})")
        if owner := self._who_has_the_registry(asked):
            self.report(
                f"that registry belongs to {owner}: what starts here is registered beside what is "
                "registered there; with PORT_OFFSET=N it gets a registry of its own"
            )
        for variable, meant in near_names(self.environ, known_variables()).items():
            self.report(f"{variable} is set, and nothing reads it: is {meant} meant?")
        services = {
            one.service for one in asked.processes if one.service not in {GATEWAY, REGISTRY}
        }
        for service, names in missing_dependencies(services).items():
            needed = ", ".join(names)
            self.report(f"{service} needs {needed}, not started here: until then it answers 503")

    def _who_has_the_registry(self, asked: StackRecord) -> str:
        """The stack that owns the registry which was found and used without being named."""
        if self.environ.get("REDIS_URL") or REGISTRY in _by_name(asked):
            return ""
        return stack_that_has(self.registry_port)

    def _live(self, before: StackRecord) -> dict[str, ProcessSpec]:
        """What runs, without processes that keep crashing: those are restarted."""
        states = {status.name: status.state for status in self.supervisor.processes().values()}
        return {one.name: one for one in before.processes if states.get(one.name) in RUNNING}


def _require_valid(environment: Mapping[str, str], *, runs: bool) -> None:
    """Check settings and configuration file before anything is touched.

    At a first start the processes say themselves what is wrong with a setting.
    """
    left = "what runs is left as it is" if runs else ""
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        if runs:
            raise UsageError(f"{error}; {left}") from None
        return
    require_valid_file(settings, left)


def _other_registry(before: StackRecord, asked: StackRecord) -> str:
    """The change that moves gateway and services to another registry; empty if there is none."""
    if before.registry_url != asked.registry_url:
        return changed_value("REDIS_URL", before.registry_url, asked.registry_url)
    was, now = _namespace(before), _namespace(asked)
    return changed_value(NAMESPACE, was, now) if was != now else ""


def _namespace(record: StackRecord) -> str:
    gateway = _by_name(record)[GATEWAY]
    return gateway.environment.get(NAMESPACE, defaults_of(GATEWAY)[NAMESPACE])


def _by_name(record: StackRecord) -> dict[str, ProcessSpec]:
    return {spec.name: spec for spec in record.processes}
