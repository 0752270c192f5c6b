"""The trials of what changes the view, while any number of workers follow it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.carries.frames import LEASE_S, Frames, instance
from bench.carries.server import Server
from bench.carries.trials import Measured, Trial, measured, take_turns
from bench.carries.wire import Poll, Talker, polled, talkers
from discovery.store import scripts

#: (gateways, workers of each, held out)
CREWS = ((1, 1, False), (2, 4, False), (8, 8, False), (50, 8, False), (25, 8, True))
REMOVE_AFTER_S = 60.0
FOLLOWED_WITHIN_S = 30.0
EVIDENCE = "GET /health: no answer in 2 s"


class Followers:
    """Connections that follow the stream as watchers do: the next read is sent at each answer."""

    def __init__(self, frames: Frames, those: Sequence[Talker], poll: Poll, last: str) -> None:
        self._frames = frames
        self._poll = poll
        self._those = those
        for one in those:
            one.note = 0
            one.send(frames.read(last))

    def catch_up(self, revision: int) -> None:
        """Follow until all have read this revision."""
        behind = sum(one.note < revision for one in self._those)
        while behind:
            came = self._poll.answers(FOLLOWED_WITHIN_S)
            if not came:
                raise TimeoutError("a follower hears nothing")
            for talker, answer in came:
                entry_id, fields = answer[0][1][-1]
                talker.send(self._frames.read(entry_id.decode()))
                talker.note = int(fields[1])
                behind -= talker.note >= revision


class Crew:
    """A writer and the followers of one namespace, with the leases of its gateways and workers."""

    def __init__(self, server: Server, stack: ExitStack, gateways: int, workers: int) -> None:
        self.gateways = gateways
        self.workers = gateways * workers
        self.frames = Frames(server, f"changes{gateways}x{workers}")
        self._writer, *those = stack.enter_context(talkers(server.port, 1 + self.workers))
        for number in range(self.workers):
            gateway = f"gateway-{number // workers}"
            self._writer.ask(
                self.frames.of(
                    scripts.sweep(
                        *(gateway, LEASE_S, REMOVE_AFTER_S),
                        worker=f"{gateway}.{number}",
                        worker_lease_s=LEASE_S,
                    )
                )
            )
        self._writer.ask(self.frames.of(scripts.register(instance(0))))
        poll = stack.enter_context(polled(those))
        last = self.frames.last_event(server)
        self._followers = Followers(self.frames, those, poll, last)

    def followed(self, command: Callable[[int], scripts.Command[Any]]) -> Callable[[int], None]:
        """Make changes one after another; each is followed by all before the next one."""

        def one_after_another(count: int) -> None:
            for number in range(count):
                self._followers.catch_up(self._ask(command(number)))

        return one_after_another

    def repeated(self, command: scripts.Command[Any]) -> Callable[[int], None]:
        """Make calls that change nothing for those who follow."""
        frame = self.frames.of(command)

        def one_after_another(count: int) -> None:
            for _ in range(count):
                self._writer.ask(frame)

        return one_after_another

    def prepare(self, count: int) -> None:
        """Register anew what is to be changed, and find the first of them healthy."""
        for number in range(count):
            self._ask(scripts.register(instance(number)))
        self._followers.catch_up(self._ask(judged(0)))

    def _ask(self, command: scripts.Command[Any]) -> int:
        """Make a change; returns its revision."""
        answer = self._writer.ask(self.frames.of(command))
        return int(answer[0] if command.script == "report" else answer[2])


def registered(number: int) -> scripts.Command[Any]:
    return scripts.register(instance(number))


def judged(number: int) -> scripts.Command[Any]:
    """The first is healthy, the next one unhealthy, and so on."""
    verdict, evidence = ("unhealthy", EVIDENCE) if number % 2 else ("healthy", "")
    return scripts.report("gateway-0", LEASE_S, [(instance(0).key, verdict, evidence)])


def drained(number: int) -> scripts.Command[Any]:
    return scripts.drain(instance(number).key)


def deregistered(number: int) -> scripts.Command[Any]:
    return scripts.deregister(instance(number).key)


#: Those that all followers read of.
CHANGES = {
    "register": registered,
    # From the second on, since the first is there already.
    "verdict": lambda number: judged(number + 1),
    "drain": drained,
    "deregister": deregistered,
}
#: Those that change nothing which anybody follows.
QUIET = {
    "same verdict": judged(0),
    "acknowledge": scripts.acknowledge("gateway-0.0", LEASE_S, [(instance(0).key, 1, 0)]),
    "drained": scripts.drained(instance(0).key),
}


@contextmanager
def crew(server: Server, gateways: int, workers: int) -> Iterator[Crew]:
    with ExitStack() as stack:
        yield Crew(server, stack, gateways, workers)


def of_changes(server: Server, rounds: int, calls: int) -> Measured:
    """What each change costs by itself, for each worker and gateway there is, and for each follower."""
    with ExitStack() as stack:
        trials = []
        for gateways, workers, held_out in CREWS:
            one = stack.enter_context(crew(server, gateways, workers))
            count = max(5, calls // (1 + one.workers // 20))
            for kind, change in CHANGES.items():
                make = one.followed(change)
                trials.append(Trial(_parts(kind, one), make, count, held_out, one.prepare))
            for kind, command in QUIET.items():
                make = one.repeated(command)
                trials.append(Trial(_parts(kind, one), make, calls, held_out, one.prepare))
        take_turns(server, trials, rounds)
    return measured(trials, wakes=False)


def _parts(kind: str, crew: Crew) -> dict[str, float]:
    """One call of this kind: whom it looks at, and who reads of it."""
    parts: dict[str, float] = {kind: 1}
    if kind in CHANGES:
        parts[f"{kind}, a follower"] = crew.workers
    if kind == "drained":
        parts[f"{kind}, a worker"] = crew.workers
    if kind in ("verdict", "same verdict"):
        parts["a verdict, a gateway"] = crew.gateways
    return parts
