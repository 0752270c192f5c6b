"""Prints what the model says of a system: what it takes, what ends first, and at which number."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from bench.carries.bounds import WORKED, End, ends, first
from bench.carries.costs import Costs
from bench.carries.model import Loaded, load
from bench.carries.system import System
from bench.report import Report

GROWS = ("requests_s", "instances", "gateways")
_NUMBERS = {one.name: one.type for one in dataclasses.fields(System) if one.name != "name"}


def parse(text: str) -> System:
    """A system by its name, or by its numbers: `instances=500,gateways=3`, or both, the name first.

    Raises ValueError that says what is wrong.
    """
    system = System()
    for number, part in enumerate(text.split(",")):
        name, equals, value = part.strip().partition("=")
        if not equals and number == 0 and name in WORKED:
            system = WORKED[name]
        elif not equals:
            known = ", ".join(WORKED)
            raise ValueError(f"{name!r} is no system; there are {known}, or give NUMBER=VALUE,…")
        elif name not in _NUMBERS:
            raise ValueError(f"{name!r} is no number of a system; there are {', '.join(_NUMBERS)}")
        else:
            numbers: dict[str, Any] = {name: _number(name, value)}
            system = dataclasses.replace(system, **numbers)
    return system


def _number(name: str, text: str) -> float:
    least = (
        0
        if name in ("requests_s", "limited", "restarts_s", "clients", "asks", "network_ms")
        else 1e-9
    )
    try:
        value = int(text) if _NUMBERS[name] in (int, "int") else float(text)
    except ValueError:
        raise ValueError(f"{name}={text}: not a number") from None
    if not least <= value <= 1e12:
        raise ValueError(f"{name}={text}: out of range")
    return value


def show(report: Report, costs: Costs, systems: Sequence[System]) -> None:
    """One table of what they take, one of what ends first."""
    loaded = [load(one, costs) for one in systems]
    report.say(costs.about + "\n")
    report.table(
        ("", *(one.name for one in systems)),
        [
            *_given(systems),
            *_taken(systems, loaded),
            ("**nearest end**", *(_nearest(*pair) for pair in zip(systems, loaded, strict=True))),
        ],
    )
    report.say("How far one number may grow while all others stay, and what ends there:\n")
    report.table(
        ("", *GROWS),
        [(one.name, *(_end(ends(one, costs, what)) for what in GROWS)) for one in systems],
    )


def _given(systems: Sequence[System]) -> list[tuple[str, ...]]:
    numbers = ("requests_s", "limited", "clients", "instances", "heartbeat_s", "restarts_s")
    return [
        *((name, *(f"{getattr(one, name):,g}" for one in systems)) for name in numbers),
        ("gateways, workers of each", *(f"{one.gateways}, {one.workers}" for one in systems)),
    ]


def _taken(systems: Sequence[System], loaded: Sequence[Loaded]) -> list[tuple[str, ...]]:
    whys = [one.why for one in loaded[0].shares]
    rows = [("**CPU, % of a core**", *(f"**{one.cpu * 100:.1f}**" for one in loaded))]
    for number, why in enumerate(whys):
        rows.append((f"- {why}", *(f"{one.shares[number].cpu * 100:.1f}" for one in loaded)))
    rows += [
        ("a decision, mean ms", *(_time(one, one.decision_ms) for one in loaded)),
        ("a call, p99 at most ms", *(_time(one, one.call_p99_ms) for one in loaded)),
        ("asks of a call", *(_time(one, one.batch) for one in loaded)),
        ("in, Mbit/s", *(f"{one.in_mbit_s:.1f}" for one in loaded)),
        ("out, Mbit/s", *(f"{one.out_mbit_s:.1f}" for one in loaded)),
        ("memory, MiB", *(f"{one.memory_mib:.0f}" for one in loaded)),
        ("a snapshot, ms", *(f"{one.snapshot_ms:.1f}" for one in loaded)),
        ("all workers read everything, s", *(f"{one.all_again_s:.1f}" for one in loaded)),
        ("- spread over, s", *(f"{one.all_back_s:.1f}" for one in loaded)),
    ]
    return rows


def _time(loaded: Loaded, value: float) -> str:
    """A registry that would need more than a core decides nothing in time."""
    return f"{value:.1f}" if loaded.cpu < 1 else "none in time"


def _nearest(system: System, loaded: Loaded) -> str:
    bound, share = first(system, loaded)
    what = bound.what.partition(":")[0]
    return f"{what}, {share:.0%} used" if share <= 1 else f"{what}, beyond it"


def _end(end: End) -> str:
    if end.bound is None:
        return f"beyond {end.value:,.0f}"
    what = end.bound.what.partition(":")[0]
    return f"{end.value:,.0f} ({what})" if end.grows else f"beyond it now ({what})"
