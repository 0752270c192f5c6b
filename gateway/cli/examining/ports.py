"""Checks the ports that a start needs; a port that is taken is not always in the way."""

from collections.abc import Iterator, Mapping

from gateway.cli.examining.findings import Finding
from gateway.machine.port_holders import who_has
from gateway.machine.ports import is_free, privilege_needed
from gateway.stack.failures import UsageError
from gateway.stack.plan import GATEWAY, GATEWAY_PORT, SERVICE_PORTS, gateway_port

_ANOTHER = "give it that, or choose another port: GATEWAY_PORT, `lockgate serve --port N`"
_MOVE = "stop that, or move all ports: make up PORT_OFFSET=N"


def ports(offset: int, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Check the ports of `make up`; `lockgate serve` needs only the gateway's."""
    yield _port(
        _gateway_port(offset, environ),
        GATEWAY,
        f"{_MOVE}, or the gateway's alone: GATEWAY_PORT, `lockgate serve --port N`",
    )
    for service, port in SERVICE_PORTS.items():
        advice = f"{_MOVE}; or leave the examples out: make up SERVICES=none, `lockgate serve`"
        yield _port(port + offset, service, advice)


def _port(port: int, process: str, advice: str) -> Finding:
    if privilege := privilege_needed(port):
        return Finding(f"port {port}", "warning", f"for {process}: {privilege}", _ANOTHER)
    if is_free(port):
        return Finding(f"port {port}", "ok", f"free for {process}")
    holder = who_has(port)
    detail = f"{process} of `make up` would need it, and {holder} has it"
    return Finding(f"port {port}", "warning", detail, advice)


def _gateway_port(offset: int, environ: Mapping[str, str]) -> int:
    try:
        return gateway_port(offset, environ)
    except UsageError:  # another check reports bad settings
        return GATEWAY_PORT + offset
