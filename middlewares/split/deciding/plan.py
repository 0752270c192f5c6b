"""What becomes of a split by its evidence: the next step, back to nothing, or as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from middlewares.split.deciding.evidence import (
    PERIODS,
    Counts,
    Judgement,
    Margins,
    is_within,
    judge,
    sides,
    summed,
)
from middlewares.split.deciding.weights import WHOLE, percent_of, with_share

#: `running`: goes by its evidence; the other two wait for people.
Status = Literal["running", "rolled_back", "frozen"]
#: What the last change was made by.
By = Literal["file", "api", "step", "breach"]
_NEARLY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Plan:
    """How a split goes on by itself; without `margins` and `steps` it does not.

    Without `margins` nothing is a breach.
    `canary` is the index of the share that is watched. `steps` are percents of it, ascending; each lasts
    `over_s` at least, and until the canary has had `requests`.
    """

    canary: int
    margins: Margins | None = None
    on_breach: Literal["rollback", "freeze"] = "rollback"
    steps: tuple[float, ...] = ()
    over_s: float = 600.0
    requests: int = 100

    @property
    def is_watched(self) -> bool:
        """Whether something becomes of it by its evidence."""
        return self.margins is not None or bool(self.steps)

    @property
    def period_ms(self) -> int:
        """How long evidence is gathered before it is looked at again."""
        over_s = 60.0 if self.margins is None else self.margins.over_s
        return max(100, round(over_s * 1000 / PERIODS))


@dataclass(frozen=True, slots=True)
class State:
    """The shares in force: their weights in the order of their names, since when, and why.

    `revision` grows with each change. `since_ms`: Unix ms. `evidence` is what the last change by evidence
    was made for.
    """

    weights: tuple[float, ...]
    status: Status = "running"
    by: By = "file"
    revision: int = 0
    since_ms: int = 0
    evidence: Mapping[str, Any] | None = None


class Gathered(NamedTuple):
    """The evidence since the last change: of each period that has ended, and all of it together."""

    periods: Mapping[int, Counts]
    total: Counts


class Change(NamedTuple):
    """A new state, and the event that tells of it."""

    state: State
    event: Literal["split.rolled_back", "split.frozen", "split.promoted"]


def window(gathered: Gathered, now_ms: int, plan: Plan) -> Counts:
    """The counts of the periods that have ended, as far back as the margins look."""
    now = now_ms // plan.period_ms
    return summed(
        counts for period, counts in gathered.periods.items() if now - PERIODS <= period < now
    )


def judged(gathered: Gathered, now_ms: int, plan: Plan) -> Judgement:
    """What the window says."""
    return judge(window(gathered, now_ms, plan), plan.margins or Margins())


def decide(
    state: State, gathered: Gathered, plan: Plan, usual: Sequence[float], now_ms: int
) -> Change | None:
    """What is to be changed now; None: nothing.

    `usual` are the weights of the file.
    """
    if state.status != "running" or not plan.is_watched:
        return None
    judgement = judged(gathered, now_ms, plan)
    if judgement.breach is not None and plan.margins is not None:
        evidence = _evidence(state, plan, judgement)
        if plan.on_breach == "freeze":
            frozen = replace(state, status="frozen", by="breach", evidence=evidence)
            return Change(frozen, "split.frozen")
        weights = with_share(state.weights, usual, plan.canary, 0.0)
        back = State(weights, "rolled_back", "breach", evidence=evidence)
        return Change(back, "split.rolled_back")
    step = next_step(state, plan)
    if step is None or waits_for(state, gathered, plan, judgement, now_ms):
        return None
    weights = with_share(state.weights, usual, plan.canary, step)
    evidence = _evidence(state, plan, judgement) | {"to": step}
    return Change(State(weights, "running", "step", evidence=evidence), "split.promoted")


def next_step(state: State, plan: Plan) -> float | None:
    """The percent of the next step; None: there is none, or none is taken in this state."""
    if state.status != "running":
        return None
    now = percent_of(state.weights, plan.canary)
    if now <= 0:  # nobody would say how it does
        return None
    return next((one for one in plan.steps if one > now + _NEARLY), None)


def waits_for(
    state: State, gathered: Gathered, plan: Plan, judgement: Judgement, now_ms: int
) -> str:
    """What the next step waits for, in words; empty: nothing."""
    left_ms = state.since_ms + round(plan.over_s * 1000) - now_ms
    if left_ms > 0:
        return f"{-(-left_ms // 1000)} s of {plan.over_s:g} s are left of this step"
    canary, stable = sides(gathered.total)
    if canary.all < plan.requests:
        return f"the canary has answered {canary.all} of {plan.requests} requests"
    if plan.margins is not None:
        so_far = judgement._replace(canary=canary, stable=stable)
        if not is_within(so_far, plan.margins):
            return "the canary is worse than it may be, though that may be chance"
    return ""


def _evidence(state: State, plan: Plan, judgement: Judgement) -> dict[str, Any]:
    percent = percent_of(state.weights, plan.canary)
    return {"from": round(min(WHOLE, percent), 4), **judgement.describe()}
