"""What clients saw of a roll or of a worker's end, and whether it is good enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.chaos.load import Request
from bench.chaos.outcome import Death
from bench.report import quantile

#: Requests that were sent so long after a worker's end do not fail with it.
SEEN_WITHIN_S = 1.0
#: The most that p99 may be of p99 before, in the full form.
P99 = 1.5


@dataclass(frozen=True, slots=True)
class Rolled:
    """`ports_of_dead`: by a worker that died, the ports of the clients that were connected to it."""

    name: str
    did: str
    requests: Sequence[Request]
    tunnels: int
    streams: int
    #: Messages and events of them that came.
    came: int
    cut: Sequence[str]
    cut_ports: Sequence[int]
    began_s: float
    ended_s: float
    replaced: int
    ports_of_dead: Sequence[tuple[Death, set[int]]] = ()
    executed: Sequence[str] = ()
    nothing_broken: str | None = None
    recovered: bool = True
    replaced_after_s: float | None = None
    #: Whether p99 counts.
    timed: bool = False
    complaints: Sequence[str] = field(default=())

    @property
    def failed(self) -> list[Request]:
        """Requests that failed, but for those on the connections of a worker that died."""
        return [one for one in self.requests if one.failure and not self._died_with(one)]

    @property
    def on_dead_connections(self) -> list[Request]:
        return [one for one in self.requests if one.failure and self._died_with(one)]

    @property
    def cut_alive(self) -> list[str]:
        """Tunnels and streams that were cut though their worker lived."""
        dead = set().union(*(ports for _, ports in self.ports_of_dead))
        return [why for why, port in zip(self.cut, self.cut_ports, strict=True) if port not in dead]

    @property
    def p99_ms(self) -> tuple[float, float]:
        """p99 of the answers before, and meanwhile."""
        before = [one for one in self.requests if one.ended_s < self.began_s]
        meanwhile = [one for one in self.requests if self.began_s <= one.sent_s <= self.ended_s]
        return _p99_ms(before), _p99_ms(meanwhile)

    @property
    def all(self) -> int:
        """Requests, messages and events."""
        return len(self.requests) + self.tunnels + self.streams + self.came

    def problems(self) -> list[str]:
        """Why the bar is missed; empty if it is met."""
        found = list(self.complaints)
        if self.nothing_broken is not None:
            found.append(f"the scenario itself failed: {self.nothing_broken}")
        if self.failed:
            found.append(f"{len(self.failed)} requests failed ({_kinds(self.failed)})")
        if self.cut_alive:
            kinds = ", ".join(f"{n} x {why}" for why, n in Counter(self.cut_alive).items())
            found.append(f"{len(self.cut_alive)} were cut ({kinds})")
        twice = [word for word, times in Counter(self.executed).items() if times > 1]
        if twice:
            found.append(f"{len(twice)} POSTs were carried out twice")
        if not self.recovered:
            found.append("the gateways never said that all is well again")
        if not (self.tunnels and self.streams):
            found.append("no tunnel, or no event stream, was opened")
        before, meanwhile = self.p99_ms
        if self.timed and meanwhile > P99 * before:
            found.append(f"p99 was {meanwhile / before:.2f} of what it is undisturbed, {P99} may")
        return found

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        before, meanwhile = self.p99_ms
        failed = str(len(self.failed))
        if self.ports_of_dead:
            failed += f" (+{len(self.on_dead_connections)} on connections of the dead)"
        cut = str(len(self.cut_alive))
        if len(self.cut) > len(self.cut_alive):
            cut += f" (+{len(self.cut) - len(self.cut_alive)} of the dead)"
        return (
            self.name,
            self.did,
            str(self.replaced),
            f"{self.all:,}",
            failed,
            f"{cut} of {self.tunnels + self.streams}",
            f"{before:.1f}, {meanwhile:.1f} ({meanwhile / before:.2f})",
        )

    def line(self) -> str:
        """The outcome in one line."""
        name, did, replaced, count, failed, cut, p99 = self.cells()
        after = (
            ""
            if self.replaced_after_s is None
            else f", replaced after {self.replaced_after_s:.1f} s"
        )
        return (
            f"{name}: {did}; {replaced} replaced{after}, {count} requests, messages and events, "
            f"failed: {failed}, cut: {cut}, p99 before and meanwhile {p99} ms: "
            f"{'; '.join(self.problems()) or 'pass'}"
        )

    def _died_with(self, one: Request) -> bool:
        return any(
            one.client_port in ports
            and one.ended_s >= death.began_s
            and one.sent_s <= death.gone_s + SEEN_WITHIN_S
            for death, ports in self.ports_of_dead
        )


HEAD = (
    "scenario",
    "what was done",
    "replaced",
    "requests, messages, events",
    "failed",
    "cut, of tunnels and streams",
    "p99 ms before, meanwhile",
)


def _p99_ms(requests: Sequence[Request]) -> float:
    taken = [one.ended_s - one.sent_s for one in requests if one.failure is None]
    return quantile(taken, 0.99) * 1000 if taken else float("nan")


def _kinds(failed: Sequence[Request]) -> str:
    return ", ".join(f"{n} x {kind}" for kind, n in Counter(r.failure for r in failed).items())
