"""Checks the configuration file, where one is named."""

from collections.abc import Iterator

from gateway.cli.configuration_files import in_numbers
from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.config.file.loading import read_file
from gateway.stack.failures import StackError

_CHECK = "configuration file"


def configuration_file(file: str, gateway: GatewayClient | None = None) -> Iterator[Finding]:
    """Check a file, and, with a gateway that runs with it, whether it is in force; nothing without a name."""
    if not file:
        return
    try:
        read = read_file(file)
    except OSError as error:
        detail = f"{file}: it can't be read: {error.strerror}"
        yield Finding(_CHECK, "failed", detail, "correct GATEWAY_CONFIG, or unset it")
        return
    if read.configuration is None:
        first, *others = [mistake.line(file) for mistake in read.errors]
        more = f", and {len(others)} more" if others else ""
        every = f"`lockgate check-config {file}` says all of them"
        yield Finding(_CHECK, "failed", f"{first}{more}", f"correct it; {every}")
        return
    detail = f"{file}: {in_numbers(read.configuration)}"
    if gateway is None:
        yield Finding(_CHECK, "ok", detail)
    else:
        yield _in_force(detail, gateway)


def _in_force(detail: str, gateway: GatewayClient) -> Finding:
    try:
        state = gateway.get("/status").get("config")
    except StackError:  # another check says that it does not answer
        return Finding(_CHECK, "ok", detail)
    if state is None:  # it was begun without a file
        return Finding(_CHECK, "ok", f"{detail}, not in force")
    if not state["current"]:
        refused = f"{detail}; the gateway has refused it, and works by that of {state['loaded_at']}"
        return Finding(_CHECK, "failed", refused, "`lockgate reload` says why, or puts it in force")
    return Finding(_CHECK, "ok", f"{detail}, in force since {state['loaded_at']}")
