"""What no proxy in user space goes below here: a relay that reads, polls, writes, reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import LoadError
from bench.peers.peer import Launch, Peer, Site
from bench.processes import THIS_TREE
from bench.rounds import drive
from bench.stage import Proxy, Stage
from bench.workloads import Workload

MEASURED_S = 2


@dataclass(frozen=True, slots=True)
class Floor:
    """µs of the kernel's CPU a request: by a relay at its full speed, and by one as quick as the gateway."""

    full_speed_us: float
    same_pace_us: float


def measure(stage: Stage, workload: Workload, user_us: float) -> Floor | None:
    """The floor under a workload for which the gateway computes so long; None if it can't be measured.

    The slower a proxy is, the oftener its peers have nothing to do and sleep, and the kernel wakes them for
    each write. So it is only fair to compare at the same pace.
    """
    stage.report.progress(f"floor: {workload.name}")
    figures = []
    with stage.proxies(_relays(stage.python, (0, round(user_us)))) as proxies:
        for proxy in proxies:
            try:
                figures.append(_kernel_us(stage, workload, proxy))
            except LoadError as error:
                stage.report.say(f"{proxy.peer.name}, {workload.name}: {error}")
    return Floor(*figures) if len(figures) == len(("full speed", "same pace")) else None


def _kernel_us(stage: Stage, workload: Workload, proxy: Proxy) -> float:
    before = proxy.running.usage()
    seen = drive(stage, workload, proxy, MEASURED_S)
    after = proxy.running.usage()
    if seen.failed or not seen.requests:
        raise LoadError(f"{seen.failed} of {seen.requests} requests failed")
    return (after.kernel_s - before.kernel_s) / seen.requests * 1e6


def _relays(python: str, busy_us: Sequence[int]) -> list[Peer]:
    def peer(busy: int) -> Peer:
        def launch(site: Site) -> Launch:
            arguments = map(str, (site.port, site.small_port, busy))
            return Launch([python, "-m", "bench.profile.relay", *arguments], THIS_TREE)

        return Peer(f"a relay that computes {busy} µs", "", False, launch)

    return [peer(busy) for busy in busy_us]
