"""Whether what runs is well, and is what is configured."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from discovery.advice import advice
from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.cli.registry_tables import why_unwell
from gateway.stack.code import code_of
from gateway.stack.differences import differences, summary
from gateway.stack.environment import process_environment
from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import REGISTRY, ProcessSpec, gateway_port
from gateway.stack.ps import ProcessRow
from gateway.stack.serving import SERVE_COMMAND
from gateway.stack.state import StackRecord, StackState
from gateway.stack.variables import settings_for

_OTHERS_MAY = 0o077
_START_IT = "start it, or correct its health_check_url (docs/any-language.md, Health)"
_SERVES_OPTIONS = ("GATEWAY_HOST", "GATEWAY_PORT")


def processes(rows: Sequence[ProcessRow]) -> Iterator[Finding]:
    """Those of the stack but the registry, of which more can be said."""
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
    """What `make up` would change, were it called now."""
    registry_url = environ.get("REDIS_URL") or record.registry_url
    now = process_environment(environ, state, registry_url)
    with suppress(UsageError):  # the settings are where it is told
        now["GATEWAY_PORT"] = str(gateway_port(offset, environ))
    found = {
        spec.name: differences(spec, _asked(spec, now)) for spec in record.processes if spec.code
    }
    for line in summary(found):
        anew = "`make up`, or `lockgate serve` begun anew, takes what is set here"
        yield Finding("running settings", "warning", line, anew)


def services(gateway: GatewayClient) -> Iterator[Finding]:
    """Each instance that gets no requests, with the reason."""
    try:
        document = gateway.get("/services")
        why = why_unwell(gateway, document["services"])
    except StackError as error:
        yield Finding("gateway", "failed", str(error), "`lockgate logs --service api_gateway`")
        return
    if document.get("stale"):
        detail = f"the gateway has not heard of its registry for {document['age_s']:.0f} s"
        yield Finding("gateway", "failed", detail, "see the registry below")
    for service in document["services"]:
        yield from _instances(service, why)
        if not service["healthy"]:
            yield _no_instance(service)


def _instances(service: Any, why: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    for instance in service["instances"]:
        if instance["status"] != "unhealthy":
            continue
        seen = why.get((service["name"], instance["id"]), "")
        detail = f"{instance['id']} at {instance['url']} is unhealthy: {seen}"
        helps = advice(seen, instance["host"]) or _START_IT
        yield Finding(service["name"], "warning", detail, helps)


def _no_instance(service: Any) -> Finding:
    detail = f"{service['route']} answers 503: none of {service['total']} instances is healthy"
    return Finding(service["name"], "failed", detail, "`lockgate services` shows all of them")


def _asked(spec: ProcessSpec, environ: Mapping[str, str]) -> ProcessSpec:
    """With what is asked for in other ways than by the environment: ports, options of `serve`."""
    own = _SERVES_OPTIONS if spec.command == SERVE_COMMAND else ("SERVICE_PORT",)
    kept = {name: spec.environment[name] for name in own if name in spec.environment}
    environment = {**settings_for(spec.service, environ), **kept}
    return replace(spec, environment=environment, code=code_of(spec.service))
