"""States and evidence as the registry keeps them."""

import math
from collections.abc import Mapping
from typing import Any, Final, get_args

import orjson

from middlewares.split.deciding.evidence import Counts
from middlewares.split.deciding.plan import By, Gathered, State, Status

_STATUSES: Final = get_args(Status)
_MAKERS: Final = get_args(By)


def encode(state: State, maker: str = "") -> bytes:
    """Everything but the revision and the time, which the registry keeps beside it.

    `maker` tells it from the same state that another call makes.
    """
    record = {"w": state.weights, "s": state.status, "b": state.by, "e": state.evidence}
    return orjson.dumps(record | ({"m": maker} if maker else {}))


def decode(text: bytes, revision: int, since_ms: int) -> State:
    """A state; one that can't be read has no weights, and the file's hold in its place."""
    try:
        record = orjson.loads(text)
        weights = tuple(float(one) for one in record["w"])
        status, by, evidence = record["s"], record["b"], record["e"]
    except (ValueError, KeyError, TypeError):
        return State((), revision=revision, since_ms=since_ms)
    if (
        not all(math.isfinite(one) and one >= 0 for one in weights)
        or not any(weights)
        or status not in _STATUSES
        or by not in _MAKERS
        or not isinstance(evidence, dict | None)
    ):
        return State((), revision=revision, since_ms=since_ms)
    return State(weights, status, by, revision, since_ms, evidence)


def gathered_of(text: bytes) -> Gathered:
    """What all gateways have counted; nothing where that can't be read."""
    try:
        record = orjson.loads(text)
        periods = {int(period): _counts(counts) for period, counts in record["b"].items()}
        return Gathered(periods, _counts(record["t"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Gathered({}, {})


def _counts(counts: Any) -> Counts:
    # An empty table of Lua may have become a list.
    return (
        {name: int(count) for name, count in counts.items()} if isinstance(counts, Mapping) else {}
    )
