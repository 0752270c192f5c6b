"""Checks that what runs is well and has the settings that are configured."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from gateway.cli.examining.findings import Finding
from gateway.stack.changes.code import code_of
from gateway.stack.changes.differences import differences, summary
from gateway.stack.changes.environment import process_environment
from gateway.stack.changes.variables import settings_for
from gateway.stack.failures import UsageError
from gateway.stack.plan import REGISTRY, ProcessSpec, gateway_port
from gateway.stack.running.ps import ProcessRow
from gateway.stack.running.serving import SERVE_COMMAND
from gateway.stack.state import StackRecord, StackState

_OTHERS_MAY = 0o077
_SERVES_OPTIONS = ("GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_CONFIG", "GATEWAY_WORKERS")


def processes(rows: Sequence[ProcessRow]) -> Iterator[Finding]:
    """Check the stack's processes; the registry has a check that says more."""
    ours = [row for row in rows if row.service != REGISTRY]
    unwell = [row for row in ours if row.health != "healthy"]
    for row in unwell:
        pid = f"pid {row.pid}, " if row.pid else ""
        seen = f"{row.health} ({pid}port {row.port})"
        look = f"`lockgate logs --service {row.service}` says why; correct that, and start it anew"
        yield Finding(row.name, "failed", seen, look)
    if not unwell:
        yield Finding("processes", "ok", f"healthy: {', '.join(row.name for row in ours)}")


def token_file(state: StackState) -> Iterator[Finding]:
    path = state.token_file
    if path.exists() and path.stat().st_mode & _OTHERS_MAY:
        detail = f"others can read {path}: whoever has the token can change the registry"
        yield Finding("admin token", "failed", detail, f"chmod 600 {path}")


def settings_that_differ(
    state: StackState, offset: int, record: StackRecord, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Find the settings that `make up` would change if it were called now."""
    registry_url = environ.get("REDIS_URL") or record.registry_url
    now = process_environment(environ, state, registry_url)
    with suppress(UsageError):  # another check reports bad settings
        now["GATEWAY_PORT"] = str(gateway_port(offset, environ))
    found = {
        spec.name: differences(spec, _asked(spec, now)) for spec in record.processes if spec.code
    }
    for line in summary(found):
        anew = "`make up`, or `lockgate serve` begun anew, takes what is set here"
        yield Finding("running settings", "warning", line, anew)


def _asked(spec: ProcessSpec, environ: Mapping[str, str]) -> ProcessSpec:
    """Add what is set in other ways than by the environment: ports, options of `serve` and of `make up`."""
    own = _SERVES_OPTIONS if spec.command == SERVE_COMMAND else ("SERVICE_PORT",)
    if "GATEWAY_CONFIG" not in environ:  # it may have come from CONFIG=
        own = (*own, "GATEWAY_CONFIG")
    kept = {name: spec.environment[name] for name in own if name in spec.environment}
    environment = {**settings_for(spec.service, environ), **kept}
    return replace(spec, environment=environment, code=code_of(spec.service))
