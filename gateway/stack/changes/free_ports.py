"""Checks before a start that its ports are free."""

from collections.abc import Sequence

from gateway.machine.port_holders import who_has
from gateway.machine.ports import is_free, privilege_needed
from gateway.stack.failures import StackError
from gateway.stack.plan import SERVICE_PORTS, ProcessSpec


def require_free_ports(processes: Sequence[ProcessSpec]) -> None:
    """Raise StackError with each port that another program has, or that needs a privilege."""
    taken, of_services = [], True
    for process in processes:
        if privilege := privilege_needed(process.port, process.host):
            raise StackError(f"{privilege}; {process.name} gets another one by GATEWAY_PORT")
        if not is_free(process.port, process.host):
            holder = who_has(process.port)
            taken.append(f"port {process.port}, which {process.name} needs, is taken by {holder}")
            of_services &= process.service in SERVICE_PORTS
    if taken:
        fewer = ", or leave the example services out: make up SERVICES=none" if of_services else ""
        raise StackError(
            "; ".join(taken)
            + ". Stop that, or move the stack: make up PORT_OFFSET=N adds N to every port"
            + fewer
        )
