"""The scenarios of rolls, and of single workers' ends."""

from dataclasses import dataclass

from bench.chaos.rolls import acts
from bench.chaos.rolls.acts import Act
from bench.chaos.world import Shape


@dataclass(frozen=True, slots=True)
class Scenario:
    """`did` may hold {n}, how often; `timed`: p99 counts in the full form."""

    name: str
    did: str
    act: Act
    shape: Shape
    short_s: float = 1
    full_s: float = 10
    short_times: int = 2
    full_times: int = 20
    #: Requests a second; with the messages and events of `of_each` tunnels and streams, 500.
    per_s: float = 460
    short_per_s: float = 50
    of_each: int = 10
    short_of_each: int = 4
    #: Whether the short form is one of the tests: tests/http/workers has the others, without load.
    tested: bool = True
    calm_s: float = 20
    timed: bool = False


TWO = Shape(workers=2)
BALANCED = Shape(gateways=2, workers=2, balanced=True)
RELEASED = Shape(workers=2, released=True)
NEVER_READY = Shape(workers=2, released=True, ready_within_s=15)

SCENARIOS = [
    Scenario("workers rolled", "SIGUSR2, over and over", acts.roll_workers, TWO, 1, 70, timed=True),
    Scenario(
        "gateways rolled",
        "each of 2 gateways behind HAProxy replaced, over and over",
        acts.replace_gateways,
        BALANCED,
        1,
        70,
        timed=True,
    ),
    Scenario(
        "instances rolled",
        "each of 3 instances replaced by a new one, over and over",
        acts.roll_instances,
        TWO,
        1,
        70,
        timed=True,
    ),
    Scenario(
        "workers killed", "kill -9 of 1 of 2 workers, {n} times", acts.kill_workers, TWO, calm_s=5
    ),
    Scenario(
        "worker hangs",
        "SIGSTOP of 1 of 2 workers",
        acts.hang_worker,
        TWO,
        calm_s=5,
        tested=False,
    ),
    Scenario(
        "release raises",
        "a roll to a release that raises at import, and to a good one",
        acts.release_that_raises,
        RELEASED,
        calm_s=5,
    ),
    Scenario(
        "release takes 5 s",
        "a roll to a release that takes 5 s more to import, and to a good one",
        acts.slow_release,
        RELEASED,
        calm_s=5,
        tested=False,
    ),
    Scenario(
        "release never ready",
        "a roll to a release that never gets ready, and to a good one",
        acts.release_that_never_gets_ready,
        NEVER_READY,
        calm_s=5,
        tested=False,
    ),
    Scenario(
        "rolling gateway killed",
        "kill -9 of the master of 1 of 2 gateways that rolls; another one at its port",
        acts.kill_a_rolling_gateway,
        BALANCED,
        1,
        5,
        calm_s=5,
        tested=False,
    ),
]
