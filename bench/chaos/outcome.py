"""The outcome of a scenario, and whether it is good enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.chaos.load import Request

SLOW_S = 0.5
REFUSED = "503 overloaded"


@dataclass(slots=True)
class Death:
    """A process that was killed: from the signal until it was gone (monotonic seconds).

    The kernel ends its connections some milliseconds after it has stopped the process. The requests
    that it takes in between are read by nobody.
    """

    began_s: float
    gone_s: float = float("inf")
    port: int = 0
    #: When it listened again.
    back_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Bar:
    """What may fail. A POST that was in flight while a process died never counts.

    `posts`, `gets`: how many may fail. `slow`: how many answers to requests after the fault may take longer
    than SLOW_S; None: any. `peak`: any may fail, but in no second after the fault may instances be asked for
    more than this times the usual load. `none_after_s`: no request that was sent this long after the fault
    may fail. `learns`: requests that were under way when the first one failed count as one, since the gateway
    could not know yet; on a busy machine they are several. `served_within_s`: new clients may be refused
    until this long after the end of the fault.
    """

    posts: int = 0
    gets: int = 0
    slow: int | None = None
    peak: float | None = None
    none_after_s: float | None = None
    learns: bool = False
    served_within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times are seconds; None if it never happened (or was never seen).

    `detected_s`: from the fault until a gateway reported it. `recovered_s`: from the end of the fault
    until all gateways reported that all is well.
    """

    name: str
    did: str
    requests: Sequence[Request]
    executed: Sequence[str]
    broken_at_s: float
    deaths: Sequence[Death]
    detected_s: float | None
    recovered_s: float | None
    recovered: bool
    bar: Bar = field(default_factory=Bar)
    #: Why the scenario says nothing about the gateway.
    nothing_broken: str | None = None
    mended_at_s: float | None = None
    #: Requests at all instances in the busiest second after the fault, as a share of what clients sent then.
    peak: float | None = None
    complaints: Sequence[str] = ()

    @property
    def failed(self) -> list[Request]:
        """Requests that failed although an instance could have answered them."""
        return [
            one
            for one in self.requests
            if one.failure and not self._died_with_it(one) and not self._was_refused(one)
        ]

    @property
    def refused(self) -> str:
        """In words, how many were refused and may be."""
        refused = sum(map(self._was_refused, self.requests))
        return f" (+{refused} refused)" if refused else ""

    @property
    def died_under_way(self) -> list[Request]:
        """POSTs that failed, and that the dying process may have been working on."""
        return [one for one in self.requests if one.failure and self._died_with_it(one)]

    @property
    def under_way(self) -> str:
        """The same POSTs in words, and how many of them no instance has carried out."""
        died, executed = self.died_under_way, set(self.executed)
        if not died:
            return ""
        unread = sum(one.word not in executed for one in died)
        return f" (+{len(died)} under way{f', {unread} not carried out' if unread else ''})"

    @property
    def twice(self) -> list[str]:
        """The POSTs that were carried out more than once."""
        return sorted(word for word, times in Counter(self.executed).items() if times > 1)

    def problems(self) -> list[str]:
        """Why the bar is missed; empty if it is met."""
        found = [*self._broke_nothing(), *self._dropped(), *self.complaints]
        if self.bar.peak is not None:
            return [*found, *self._peak_problems()]
        gets, posts = self._counted("GET"), self._counted("POST")
        if len(gets) > self.bar.gets:
            found.append(f"{len(gets)} GETs failed, {self.bar.gets} may ({_kinds(gets)})")
        if self.bar.slow is not None and self.slow > self.bar.slow:
            found.append(f"{self.slow} answers took over {SLOW_S} s, {self.bar.slow} may")
        if len(posts) > self.bar.posts:
            found.append(f"{len(posts)} POSTs failed, {self.bar.posts} may ({_kinds(posts)})")
        if self.bar.none_after_s is not None:
            after_s = self.broken_at_s + self.bar.none_after_s
            late = [one for one in posts if one.sent_s > after_s]
            if late:
                when_s = max(one.sent_s for one in late) - self.broken_at_s
                found.append(
                    f"{len(late)} POSTs that failed were sent after {self.bar.none_after_s} s, "
                    f"the last after {when_s:.1f} s"
                )
        if self.twice:
            found.append(f"{len(self.twice)} POSTs were carried out twice")
        if not self.recovered:
            found.append("the gateways never said that all is well again")
        return found

    def _counted(self, method: str) -> Sequence[Request]:
        """The failed requests of a method that the bar counts."""
        failed = [one for one in self.failed if one.method == method]
        if not self.bar.learns or not failed:
            return failed
        known_s = min(one.ended_s for one in self.failed)
        under_way = [one for one in failed if one.sent_s <= known_s]
        return [*under_way[:1], *(one for one in failed if one.sent_s > known_s)]

    @property
    def slow(self) -> int:
        """Answers to requests after the fault that took longer than SLOW_S."""
        return sum(
            one.failure is None
            and one.sent_s >= self.broken_at_s
            and one.ended_s - one.sent_s > SLOW_S
            for one in self.requests
        )

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        return (
            self.name,
            self.did,
            str(len(self.requests)),
            f"{len(self.failed)}{self.under_way}{self.refused}{self._beside}",
            str(len(self.twice)),
            _seconds(self.detected_s),
            _seconds(self.recovered_s),
        )

    def lost(self) -> str:
        """What clients lost, as a cell of the table beside others."""
        counts = Counter(one.method for one in self.failed)
        lost = ", ".join(f"{n} {method}" for method, n in sorted(counts.items())) or "0"
        lost += self.under_way + self.refused
        if self.bar.slow is not None:
            lost += f", {self.slow} slow"
        if self.peak is not None:
            lost += f", {self.peak:.2f} of the usual load at most"
        return f"{lost}, {len(self.twice)} twice" if self.twice else lost

    def line(self) -> str:
        """The outcome in one line."""
        name, did, requests, failed, twice, detected, recovered = self.cells()
        verdict = "; ".join(self.problems()) or "pass"
        return (
            f"{name}: {did}; {requests} requests, failures: {failed}; {twice} POSTs twice, "
            f"detected in {detected} s, recovered in {recovered} s: {verdict}"
        )

    @property
    def _beside(self) -> str:
        """What the bar is about besides failures, in words."""
        slow = f", {self.slow} slow" if self.bar.slow is not None else ""
        return slow + (f", peak {self.peak:.2f}" if self.peak is not None else "")

    def _peak_problems(self) -> list[str]:
        assert self.bar.peak is not None
        if self.peak is None or not self.recovered:
            return ["the load never returned"]
        if self.peak > self.bar.peak:
            return [f"instances were asked for {self.peak:.2f} of the usual load"]
        last_s = max(one.sent_s for one in self.requests)
        late = [one for one in self.failed if one.sent_s > last_s - SLOW_S]
        return [f"{len(late)} requests failed at the end ({_kinds(late)})"] if late else []

    def _broke_nothing(self) -> list[str]:
        why = self.nothing_broken
        if why is None and all(one.ended_s < self.broken_at_s for one in self.requests):
            why = "no request came in while something was broken"
        return [] if why is None else [f"the scenario itself failed, nothing was broken: {why}"]

    def _dropped(self) -> list[str]:
        """Requests that a living gateway dropped, even if another one answered."""
        drops = Counter(
            drop.port
            for one in self.requests
            for drop in one.drops
            if not any(
                death.port == drop.port
                and drop.began_s <= death.back_s
                and death.began_s <= drop.ended_s
                for death in self.deaths
            )
        )
        return [
            f"the gateway at port {port} dropped {n} requests" for port, n in sorted(drops.items())
        ]

    def _was_refused(self, one: Request) -> bool:
        """Whether it was refused for lack of room while there may be none."""
        within_s, mended_at_s = self.bar.served_within_s, self.mended_at_s
        if within_s is None or mended_at_s is None or one.failure != REFUSED:
            return False
        return self.broken_at_s <= one.sent_s <= mended_at_s + within_s

    def _died_with_it(self, one: Request) -> bool:
        """Whether it is a POST that was in flight while a process died, perhaps that process's."""
        return one.method == "POST" and any(
            one.sent_s <= death.gone_s and death.began_s <= one.ended_s for death in self.deaths
        )


HEAD = (
    "scenario",
    "what was done",
    "requests",
    "failures",
    "POSTs twice",
    "s to detect",
    "s to recover",
)


def _kinds(failed: Sequence[Request]) -> str:
    return ", ".join(f"{n} x {kind}" for kind, n in Counter(r.failure for r in failed).items())


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
