"""Checks the workers of a gateway that has several."""

from collections.abc import Iterator

from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.machine.cores import usable_cores
from gateway.stack.failures import StackError

_LOG = "`lockgate logs --service api_gateway` says why: look for worker.ended"


def workers(gateway: GatewayClient) -> Iterator[Finding]:
    """Nothing for a gateway of one process; another check tells of one that does not answer."""
    try:
        status = gateway.get("/status")
    except StackError:
        return
    # Those that are being replaced still end what they have begun.
    serving = [one for one in status.get("workers", ()) if one.get("state") != "stopping"]
    wanted = status.get("worker", {}).get("workers", 1)
    if wanted < 2:
        return
    ready = sum(bool(one.get("ready")) for one in serving)
    seen, cores = f"{ready} of {wanted} are ready", usable_cores()
    if ready < wanted:
        yield Finding("workers", "failed" if not ready else "warning", seen, _LOG)
    elif wanted > cores:
        more = f"{seen}, and {cores} core{'s' * (cores != 1)} can be used"
        advice = "more workers than cores only need memory: GATEWAY_WORKERS=auto"
        yield Finding("workers", "warning", more, advice)
    else:
        yield Finding("workers", "ok", seen)
