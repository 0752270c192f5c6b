"""All checks of `lockgate doctor`: of what runs, or, if nothing does, of what a start needs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.cli.examining import configured, machine, registry, running, services, tls, workers
from gateway.cli.examining.configuration import configuration_file
from gateway.cli.examining.findings import Finding
from gateway.cli.examining.ports import ports
from gateway.cli.gateway_client import find_gateway
from gateway.machine.processes import marked_pids
from gateway.stack.plan import GATEWAY, REGISTRY, REGISTRY_PORT
from gateway.stack.running.absence import elsewhere, typed
from gateway.stack.running.ps import ProcessRow
from gateway.stack.running.ps import running as what_runs
from gateway.stack.state import StackRecord, StackState


def examine(state: StackState, offset: int, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Run the checks, each before those that depend on it."""
    yield machine.python()
    yield machine.open_files()
    yield from configured.settings(environ)
    yield from running.token_file(state)
    rows, record = what_runs(state), state.load_record()
    if record is not None and rows:
        yield from _of_what_runs(state, offset, record, rows, environ)
    else:
        yield from _of_a_start(state, offset, environ)


def _of_what_runs(
    state: StackState,
    offset: int,
    record: StackRecord,
    rows: list[ProcessRow],
    environ: Mapping[str, str],
) -> Iterator[Finding]:
    ours = any(spec.service == REGISTRY for spec in record.processes)
    yield from registry.registry_of_a_stack(record.registry_url, ours=ours)
    yield from running.processes(rows)
    gateway = find_gateway(state, offset, None, None)
    yield from workers.workers(gateway)
    yield from services.services(gateway)
    yield from tls.certificates(gateway)
    for spec in record.processes:
        if spec.service == GATEWAY:
            yield from configuration_file(spec.environment.get("GATEWAY_CONFIG", ""), gateway)
    yield from running.settings_that_differ(state, offset, record, environ)
    given = environ.get("REDIS_URL")
    if given and given != record.registry_url:
        yield from registry.given_registry(given)


def _of_a_start(state: StackState, offset: int, environ: Mapping[str, str]) -> Iterator[Finding]:
    if left := sorted(marked_pids(state.marker)):
        detail = f"processes {left} run without their supervisor"
        yield Finding("stack", "failed", detail, f"{typed('down', state)} ends them")
    else:
        detail = f"nothing runs in {state.directory}; the checks below are for a start"
        yield Finding("stack", "ok", detail, elsewhere(state, Path.cwd()))
    yield machine.folder(state.directory)
    if given := environ.get("REDIS_URL"):
        yield from registry.given_registry(given)
    else:
        yield from registry.registry_to_come(REGISTRY_PORT + offset)
    yield from configuration_file(environ.get("GATEWAY_CONFIG", ""))
    yield from ports(offset, environ)
