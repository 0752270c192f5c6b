"""What one call of each kind costs the registry: CPU, bytes in and bytes out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.carries.fitting import Fit, Point, fit
from bench.carries.server import Server, Used

#: The first calls of a round are not counted: scripts are compiled, connections are made.
WARMING = 0.1


@dataclass(slots=True)
class Trial:
    """A kind of call; `make` makes so many, and `parts` says what is in one."""

    parts: Mapping[str, float]
    make: Callable[[int], None]
    count: int
    held_out: bool = False
    #: Done before each round, and not counted; it is told how many calls follow.
    prepare: Callable[[int], None] | None = None
    rounds: list[tuple[float, Used]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measured:
    """The fits of one family of calls."""

    cpu_us: Fit
    bytes_in: Fit
    bytes_out: Fit
    points: Sequence[Point]


def take_turns(server: Server, trials: Sequence[Trial], rounds: int) -> None:
    """Measure each trial once a round, so that a disturbance hits all of them."""
    for number in range(rounds):
        for one in trials:
            if number == 0:
                _prepared(one, max(1, round(one.count * WARMING)))
                one.make(max(1, round(one.count * WARMING)))
            _prepared(one, one.count)
            before = server.used()
            one.make(one.count)
            one.rounds.append((one.count, server.used() - before))


def _prepared(one: Trial, count: int) -> None:
    if one.prepare is not None:
        one.prepare(count)


def measured(trials: Sequence[Trial], *, wakes: bool = True) -> Measured:
    """Fit the costs of one call; `wakes` counts the turns of the registry's loop as a part."""

    def points(cost: Callable[[Used], float], with_wakes: bool) -> list[Point]:
        return [
            Point(
                {
                    **one.parts,
                    **({"wake": min(1.0, _middle_turns(one))} if with_wakes else {}),
                },
                tuple(cost(used) / count for count, used in one.rounds),
                one.held_out,
            )
            for one in trials
        ]

    cpu = points(lambda used: used.cpu_us, wakes)
    return Measured(
        fit(cpu),
        fit(points(lambda used: used.bytes_in, False)),
        fit(points(lambda used: used.bytes_out, False)),
        cpu,
    )


def _middle_turns(one: Trial) -> float:
    turns = sorted(used.turns / count for count, used in one.rounds)
    return turns[len(turns) // 2]
