"""Runs one scenario of rolls: calm first, then the act, both under the same mixed load."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.acts import PATH
from bench.chaos.instance import executed
from bench.chaos.load import Load
from bench.chaos.outcome import Death
from bench.chaos.programs import Program
from bench.chaos.proofs import NothingBroken
from bench.chaos.rolls.lasting_clients import LastingClients
from bench.chaos.rolls.outcome import Rolled
from bench.chaos.rolls.scenarios import Scenario
from bench.chaos.rolls.workers import Workers
from bench.chaos.watching import Watch
from bench.chaos.world import DEFAULTS, SLOW, World

#: How long clients wait. The short form runs beside other tests: it is about what is lost, not about time.
PATIENCE_S, SHORT_PATIENCE_S = 5.0, 30.0
WELL_WITHIN_S = 60.0
CALM_SHORT_S = 2.0
#: Connections are warm by then.
WARM_S = 1.0


@dataclass(slots=True)
class Stage:
    """What an act works with, and what it notes."""

    world: World
    watch: Watch
    #: How often, for acts that count.
    times: int
    replaced: int = 0
    replaced_after_s: float | None = None
    ports_of_dead: list[tuple[Death, set[int]]] = field(default_factory=list)
    _workers: dict[Program, Workers] = field(default_factory=dict)

    def workers(self) -> list[Workers]:
        return [self.workers_of(gateway) for gateway in self.world.gateways]

    def workers_of(self, gateway: Program) -> Workers:
        """The same for the same gateway: to read its log from the start would stop all clients for a while."""
        return self._workers.setdefault(gateway, Workers(gateway))


async def run(scenario: Scenario, folder: Path, *, short: bool, seed: int = 1) -> Rolled:
    """Run it. Raises StartError if something does not start."""
    seconds = scenario.short_s if short else scenario.full_s
    world = World(scenario.shape, SLOW if short else DEFAULTS, folder)
    watch = Watch(world)
    stage = Stage(world, watch, scenario.short_times if short else scenario.full_times)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.running())
        await stack.enter_async_context(watch.running())
        await watch.start_well(WELL_WITHIN_S)
        for gateway in stage.workers():
            await gateway.until_ready(scenario.shape.workers, WELL_WITHIN_S)
        per_s = scenario.short_per_s if short else scenario.per_s
        patience_s = SHORT_PATIENCE_S if short else PATIENCE_S
        load = Load(world.ports, path=PATH, per_s=per_s, patience_s=patience_s, seed=seed)
        of_each = scenario.short_of_each if short else scenario.of_each
        lasting = LastingClients(
            world.ports, path=PATH, of_each=of_each, patience_s=patience_s, seed=seed
        )
        async with lasting.running(), load.running():
            await asyncio.sleep(WARM_S)
            warm = len(load.requests)
            await asyncio.sleep(CALM_SHORT_S if short else scenario.calm_s)
            nothing_broken = await _act(scenario, stage, seconds)
            recovered = await watch.until_well(WELL_WITHIN_S)
            await asyncio.sleep(WARM_S)
    return Rolled(
        name=scenario.name,
        did=scenario.did.format(n=stage.times),
        requests=load.requests if nothing_broken else load.requests[warm:],
        tunnels=lasting.opened["tunnel"],
        streams=lasting.opened["stream"],
        came=lasting.came,
        cut=lasting.cut,
        cut_ports=lasting.cut_ports,
        began_s=world.broken_at_s or 0.0,
        ended_s=world.mended_at_s or float("inf"),
        replaced=stage.replaced,
        ports_of_dead=stage.ports_of_dead,
        executed=executed(folder),
        nothing_broken=nothing_broken,
        recovered=recovered,
        replaced_after_s=stage.replaced_after_s,
        timed=scenario.timed and not short,
        complaints=world.complaints,
    )


async def _act(scenario: Scenario, stage: Stage, seconds: float) -> str | None:
    """Do it; returns why nothing was done, if that is so."""
    try:
        await scenario.act(stage, seconds)
    except NothingBroken as error:
        return str(error)
    return None if stage.world.mended_at_s is not None else "it never came to an end"
