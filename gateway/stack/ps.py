"""What runs of a stack: pid, port, uptime and health of each process."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.stack.plan import REGISTRY, ProcessSpec
from gateway.stack.readiness import health_of
from gateway.stack.registry_server import answers_ping
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervision import ProcessStatus, Supervisor


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One line of `ps`; no pid and no uptime for a registry that is not ours."""

    name: str
    service: str
    pid: int | None
    port: int | None
    uptime_s: int | None
    health: str


def running(state: StackState) -> list[ProcessRow]:
    """Empty when nothing runs; a process between two lives has its supervisor's word as health."""
    supervisor = Supervisor(state)
    record = state.load_record()
    if record is None or not supervisor.answers():
        return []
    known = supervisor.processes()
    with ThreadPoolExecutor(max_workers=8) as threads:
        rows = list(threads.map(lambda spec: _row(spec, known.get(spec.name)), record.processes))
    if all(row.service != REGISTRY for row in rows):
        rows.insert(0, _foreign_registry(record))
    return rows


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
