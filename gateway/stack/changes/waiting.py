"""Waits until started processes answer, and gives up at once on one that ends meanwhile."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.stack.failures import StackError
from gateway.stack.logs.files import last_lines
from gateway.stack.plan import ProcessSpec
from gateway.stack.running.readiness import health_of, missing_routes
from gateway.stack.state import StackState
from gateway.stack.supervisord.supervision import DEAD, Supervisor

POLL_S = 0.1
TAIL_LINES = 15


class Watch:
    """Waits; raises StackError with the end of the log of the process at fault."""

    def __init__(
        self, state: StackState, supervisor: Supervisor, report: Callable[[str], None]
    ) -> None:
        self._state = state
        self._supervisor = supervisor
        self._report = report
        self._first_pids: dict[str, int] = {}
        self._untold: set[str] = set()
        # Only new lines count: those of earlier runs would mislead.
        self._log_sizes = {path.stem: path.stat().st_size for path in state.logs.glob("*.log")}

    def expect_anew(self, name: str) -> None:
        """Forget what was known of a process that is about to be started."""
        self._first_pids.pop(name, None)
        self._untold.add(name)
        log = self._log(name)
        self._log_sizes[name] = log.stat().st_size if log.exists() else 0

    def until_healthy(self, processes: Sequence[ProcessSpec], *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        waiting = list(processes)
        while True:
            self._require_alive(processes)
            for process in [process for process in waiting if health_of(process) == "healthy"]:
                waiting.remove(process)
                self._tell(process)
            if not waiting:
                return
            if time.monotonic() > deadline:
                late = waiting[0]
                raise self._failure(late, f"(port {late.port}) is not healthy after {within_s:g} s")
            time.sleep(POLL_S)

    def until_routed(
        self, gateway: ProcessSpec, services: Sequence[ProcessSpec], *, within_s: float
    ) -> None:
        deadline = time.monotonic() + within_s
        while missing := missing_routes(gateway, services):
            self._require_alive([gateway, *services])
            if time.monotonic() > deadline:
                text = "; ".join(f"{service}: {what}" for service, what in missing.items())
                raise self._failure(gateway, f"does not route after {within_s:g} s ({text})")
            time.sleep(POLL_S)

    def _tell(self, process: ProcessSpec) -> None:
        if process.name in self._untold:
            self._untold.remove(process.name)
            self._report(f"{process.name} is healthy on port {process.port}")

    def _require_alive(self, processes: Sequence[ProcessSpec]) -> None:
        """A process has ended if its state says so, or if it has another pid."""
        known = self._supervisor.processes()
        for process in processes:
            status = known[process.name]
            first_pid = self._first_pids.setdefault(process.name, status.pid or 0)
            if status.state in DEAD or (status.pid or 0) != first_pid:
                raise self._failure(process, f"(port {process.port}) ended while starting")

    def _failure(self, process: ProcessSpec, what: str) -> StackError:
        log = self._log(process.name)
        return StackError(
            f"{process.name} {what}. The end of its log says why; the whole of it is {log}. "
            "Correct that and run `make up` again",
            tuple(last_lines(log, TAIL_LINES, after_byte=self._log_sizes.get(process.name, 0))),
        )

    def _log(self, name: str) -> Path:
        return self._state.logs / f"{name}.log"
