"""Checks the workers of a gateway that has several."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.machine.cores import usable_cores
from gateway.stack.failures import StackError

#: An end that is longer ago is told no more.
LATELY = timedelta(minutes=15)
_LOG = (
    "`lockgate logs --service api_gateway` says why: look for worker.ended, whose last_line is what the worker "
    "wrote last, or worker.not_started"
)

_Worker = Mapping[str, Any]


def workers(gateway: GatewayClient, now: datetime | None = None) -> Iterator[Finding]:
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
    ended = [*_empty(serving, wanted), *_ended_lately(serving, now or datetime.now(UTC))]
    if ready < wanted or ended:
        detail = "; ".join([seen, *ended])
        yield Finding("workers", "failed" if not ready else "warning", detail, _LOG)
    elif wanted > cores:
        more = f"{seen}, and {cores} core{'s' * (cores != 1)} can be used"
        advice = "more workers than cores only need memory: GATEWAY_WORKERS=auto"
        yield Finding("workers", "warning", more, advice)
    else:
        yield Finding("workers", "ok", seen)


def _empty(serving: Sequence[_Worker], wanted: int) -> Iterator[str]:
    """The slots in which the one before ended so soon that the next one is started after a pause."""
    taken = {one.get("slot") for one in serving}
    for slot in range(wanted):
        if slot not in taken:
            yield f"slot {slot} is empty: what was started in it has ended, and the next one waits"


def _ended_lately(serving: Sequence[_Worker], now: datetime) -> Iterator[str]:
    for one in serving:
        ended = one.get("ended_before")
        if ended is None:
            continue
        ago = now - datetime.fromisoformat(ended["at"])
        if ago <= LATELY:
            count, when = ended["in_a_row"], f"{max(ago.total_seconds(), 0):.0f} s ago"
            yield (
                f"a worker in slot {one['slot']} {ended['why']} {when}"
                if count == 1
                else f"{count} workers in a row ended by themselves in slot {one['slot']}, "
                f"and the last one {ended['why']} {when}"
            )
