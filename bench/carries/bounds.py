"""What ends first when a system grows, and at which number; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.carries.costs import Costs
from bench.carries.model import Loaded, load
from bench.carries.system import System
from middlewares.limits.limiter import ANSWER_WITHIN_S

#: The share of a link and of memory that may be used.
ROOM = 0.7
#: The share of a core above which queues grow with each disturbance.
BUSY = 0.7
#: Until then a worker routes by the view that it had, and hears of no drain.
BACK_S = 30.0
_STEPS = 60
_GROWTH = 1e6


@dataclass(frozen=True, slots=True)
class Bound:
    """A value that must not be exceeded, as a share of what may be used."""

    what: str
    share: Callable[[System, Loaded], float]


BOUNDS = (
    Bound(f"CPU: more than {BUSY:.0%} of a core beside limits", lambda _, it: _beside(it) / BUSY),
    Bound(
        "CPU: a decision takes 100 ms, and limits are counted by each worker alone",
        lambda _, it: it.call_p99_ms / (ANSWER_WITHIN_S * 1000),
    ),
    Bound(
        "stall: a snapshot keeps decisions waiting for 100 ms",
        lambda _, it: it.snapshot_ms / (ANSWER_WITHIN_S * 1000),
    ),
    Bound(
        f"return: after a failover some workers have no new view for more than {BACK_S:g} s",
        lambda _, it: it.all_back_s / BACK_S,
    ),
    Bound(
        "network",
        lambda system, it: max(it.in_mbit_s, it.out_mbit_s) / (ROOM * system.link_mbit_s),
    ),
    Bound("memory", lambda system, it: it.memory_mib / (ROOM * system.memory_mib)),
)


def _beside(it: Loaded) -> float:
    return sum(one.cpu for one in it.shares if one.why not in ("limits", "waking up"))


def first(system: System, it: Loaded) -> tuple[Bound, float]:
    """The bound that is nearest, and the share of it that is used."""
    of_bounds = [(bound, bound.share(system, it)) for bound in BOUNDS]
    return max(of_bounds, key=lambda one: one[1])


@dataclass(frozen=True, slots=True)
class End:
    """How far one number may grow while all others stay, and what ends there."""

    what: str
    value: float
    bound: Bound | None
    #: False: it is beyond the bound as it is.
    grows: bool = True


def _grown(system: System, what: str, value: float) -> System:
    whole = what in ("instances", "gateways", "clients")
    numbers: dict[str, Any] = {what: round(value) if whole else value}
    return replace(system, **numbers)


def ends(system: System, costs: Costs, what: str) -> End:
    """Where this number of the system ends; no bound: none comes."""

    def holds(value: float) -> bool:
        grown = _grown(system, what, value)
        return first(grown, load(grown, costs))[1] <= 1

    least = float(getattr(system, what))
    if not holds(least):
        return End(what, least, first(system, load(system, costs))[0], grows=False)
    most = least * 2
    while holds(most):
        least, most = most, most * 2
        if most > least + 1e12 or most > _GROWTH * float(getattr(system, what)):
            return End(what, least, None)
    for _ in range(_STEPS):
        middle = (least + most) / 2
        least, most = (middle, most) if holds(middle) else (least, middle)
    over = _grown(system, what, most + (1 if most - least < 1 else 0))
    return End(what, least, first(over, load(over, costs))[0])


#: The systems of docs/scaling.md.
WORKED: Mapping[str, System] = {
    one.name: one
    for one in (
        System(
            "small-shop",
            requests_s=300,
            restarts_s=0.1,
            clients=5_000,
            services=12,
            instances=36,
            gateways=2,
            workers=2,
        ),
        System(
            *("1000-instances", 5_000, 1.0, 1, 100_000, 10.0, 100, 1_000),
            restarts_s=1,
            gateways=4,
            workers=4,
        ),
        System(
            *("10000-instances", 20_000, 1.0, 1, 500_000, 10.0, 1_000, 10_000),
            restarts_s=5,
            gateways=10,
            workers=4,
        ),
        System(
            *("50-gateways", 50_000, 1.0, 1, 1_000_000, 10.0, 200, 2_000),
            restarts_s=1,
            gateways=50,
            workers=8,
            link_mbit_s=10_000,
        ),
        System(
            *("100k-requests", 100_000, 0.5, 1, 1_000_000, 10.0, 200, 2_000),
            restarts_s=1,
            gateways=25,
            workers=8,
            link_mbit_s=10_000,
        ),
    )
}
