"""What runs of a stack: pid, port, uptime and health of each process."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from gateway.stack.plan import REGISTRY, ProcessSpec
from gateway.stack.registry.ping import answers_ping
from gateway.stack.running.readiness import health_of
from gateway.stack.running.serving import served_pids
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervisord.supervision import ProcessStatus, Supervisor


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One line of `ps`; pid and uptime are empty for a registry that is not ours."""

    name: str
    service: str
    pid: int | None
    port: int | None
    uptime_s: int | None
    health: str


def running(state: StackState) -> list[ProcessRow]:
    """Empty when nothing runs; while a process restarts, its health is its supervisor's state."""
    record = state.load_record()
    known = _processes(state)
    if record is None or not known:
        return []
    with ThreadPoolExecutor(max_workers=8) as threads:
        rows = list(threads.map(lambda spec: _row(spec, known.get(spec.name)), record.processes))
    if all(row.service != REGISTRY for row in rows):
        rows.insert(0, _foreign_registry(record))
    return rows


def _processes(state: StackState) -> dict[str, ProcessStatus]:
    if pids := served_pids(state):
        return {name: _child(name, pid) for name, pid in pids.items()}
    supervisor = Supervisor(state)
    return supervisor.processes() if supervisor.answers() else {}


def _child(name: str, pid: int) -> ProcessStatus:
    try:
        uptime_s = int(time.time() - psutil.Process(pid).create_time())
    except psutil.Error:  # it is restarted in a moment
        return ProcessStatus(name, "BACKOFF", None, 0)
    return ProcessStatus(name, "RUNNING", pid, max(0, uptime_s))


def _row(spec: ProcessSpec, status: ProcessStatus | None) -> ProcessRow:
    pid = status.pid if status else None
    if status is None or pid is None:
        health = status.state.lower() if status else "unknown"
        return ProcessRow(spec.name, spec.service, None, spec.port, None, health)
    return ProcessRow(spec.name, spec.service, pid, spec.port, status.uptime_s, health_of(spec))


def _foreign_registry(record: StackRecord) -> ProcessRow:
    health = "healthy" if answers_ping(record.registry_url) else "unreachable"
    return ProcessRow(REGISTRY, REGISTRY, None, _port_of(record.registry_url), None, health)


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:  # several hosts, as Sentinel URLs have
        return None
