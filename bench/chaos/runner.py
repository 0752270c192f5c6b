"""Runs one scenario: the world, the load, the fault, and the outcome."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bench.chaos.acts import PATH
from bench.chaos.instance import asked_by_second, executed
from bench.chaos.load import Load
from bench.chaos.outcome import Outcome
from bench.chaos.peers import Peer
from bench.chaos.proofs import NothingBroken
from bench.chaos.scenarios import Scenario
from bench.chaos.watching import Watch
from bench.chaos.world import DEFAULTS, QUICK, World

#: How long a client waits for an answer.
PATIENCE_S = 5.0
#: Traffic before the fault, so that connections are warm, and after recovery.
CALM_S = 0.5
WELL_AT_FIRST_WITHIN_S = 45.0


async def run(
    scenario: Scenario, folder: Path, *, short: bool, seed: int = 1, peer: Peer | None = None
) -> Outcome:
    """Run it with Lockgate, or with a peer instead. Raises StartError if something does not start."""
    times, seconds = (QUICK, scenario.short_s) if short else (DEFAULTS, scenario.full_s)
    shape = scenario.shape
    if short and scenario.short_instances:
        shape = replace(shape, instances=scenario.short_instances)
    # A lease must end, and a few probes must pass.
    recovers_within_s = times.lease_s + 3 * times.probe_each_s + 5
    world = World(shape, times, folder, peer)
    watch = Watch(world)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.running())
        await stack.enter_async_context(watch.running())
        await watch.start_well(WELL_AT_FIRST_WITHIN_S)
        per_s = scenario.per_s
        load = Load(world.ports, path=PATH, per_s=per_s, patience_s=PATIENCE_S, seed=seed)
        async with load.running():
            await asyncio.sleep(CALM_S)
            nothing_broken = await _act(scenario, world, seconds)
            recovered = await watch.until_well(recovers_within_s)
            await asyncio.sleep(CALM_S)
    return Outcome(
        name=scenario.name,
        did=scenario.did.format(s=f"{seconds:g}", n=shape.instances),
        requests=load.requests,
        executed=executed(folder),
        broken_at_s=world.broken_at_s or 0.0,
        deaths=world.deaths,
        detected_s=watch.first(False, world.broken_at_s),
        recovered_s=watch.first(True, world.mended_at_s),
        recovered=recovered,
        bar=scenario.bar,
        nothing_broken=nothing_broken,
        mended_at_s=world.mended_at_s,
        peak=_peak(world, load, per_s) if scenario.bar.peak is not None else None,
        complaints=world.complaints,
    )


def _peak(world: World, load: Load, per_s: float) -> float | None:
    """The busiest second of the instances after the fault, as a share of what clients sent.

    On a busy machine clients send less in one second and more in the next one.
    """
    after_s = world.mended_at_s
    sent = Counter(int(one.sent_s) for one in load.requests)
    shares = (
        n / max(per_s, sent[at_s], sent[at_s - 1])
        for at_s, n in asked_by_second(world.folder).items()
        if after_s and at_s >= after_s
    )
    return max(shares, default=0.0)


async def _act(scenario: Scenario, world: World, seconds: float) -> str | None:
    """Cause the fault; returns why nothing was broken, if that is so."""
    try:
        await scenario.act(world, seconds)
    except NothingBroken as error:
        return str(error)
    return None if world.broken_at_s is not None else "it never said that anything was"
