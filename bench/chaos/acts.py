"""What is done to a world, and mended again: one function for each deed."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable

import redis.asyncio

from bench.chaos import proofs
from bench.chaos.copies import Copy
from bench.chaos.crowd import blamed, health_asked, idle_clients, refuses_clients
from bench.chaos.peers import routing_keys
from bench.chaos.proofs import NothingBroken
from bench.chaos.world import OTHER_SERVICE, World
from discovery.announcing.listening import listens
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys

#: The beginning of the load's paths too.
PATH = "/api/chaos"
#: After an outage, the load has returned by then: the breaker may have just begun its longest pause.
RETURNS_WITHIN_S = 15.0
#: How long instances that flap are away and, once they listen, back.
AWAY_S, BACK_S = 1.0, 2.0
BACK_WITHIN_S, LOOKED_EACH_S = 10.0, 0.02
#: By then the crowd has taken all descriptors.
FULL_WITHIN_S = 20.0

#: Causes the fault for this many seconds, and has repaired it when it returns.
Act = Callable[[World, float], Awaitable[None]]


async def kill_instances(world: World, seconds: float) -> None:
    """Kill one after another; each is back a little later, and one always runs."""
    pause_s = seconds / 4
    with world.broken():
        for copy in list(world.instances.values())[:2]:
            world.kill(copy)
            await asyncio.sleep(pause_s)
            await world.replace(copy)
            await asyncio.sleep(pause_s)


async def kill_one_after_another(world: World, seconds: float) -> None:
    """Kill nine in 20 s; each is back before the next one is killed, for as long as it was away."""
    kills = max(1, round(9 * seconds / 20))
    pause_s = seconds / kills / 2
    with world.broken():
        for _ in range(kills):
            copy = _first(world)
            world.kill(copy)
            await asyncio.sleep(pause_s)
            await world.replace(copy)
            await asyncio.sleep(pause_s)


async def kill_all(world: World, seconds: float) -> None:
    """Kill all instances; then all are back."""
    with world.broken():
        await _away(world, seconds)


async def flap(world: World, seconds: float) -> None:
    """Kill all instances, again and again; each time they come back, and are there for a while."""
    until_s = time.monotonic() + seconds
    with world.broken():
        while time.monotonic() < until_s:
            await _away(world, AWAY_S)
            await asyncio.sleep(BACK_S)


async def _away(world: World, seconds: float) -> None:
    copies = list(world.instances.values())
    for copy in copies:
        world.kill(copy)
    await asyncio.sleep(seconds)
    await asyncio.gather(*map(world.replace, copies))
    for copy in copies:
        await _listening(copy.port)


async def _listening(port: int) -> None:
    until_s = time.monotonic() + BACK_WITHIN_S
    while not await listens("127.0.0.1", port):
        if time.monotonic() > until_s:
            raise NothingBroken("an instance that was killed did not come back")
        await asyncio.sleep(LOOKED_EACH_S)


async def hang_instance(world: World, seconds: float) -> None:
    with world.broken():
        copy = _first(world)
        world.hang(copy)
        await asyncio.sleep(seconds)
        world.resume(copy)


async def misbehave(world: World, seconds: float) -> None:
    """One instance misbehaves by the shape's fault, and its /health is fine."""
    with world.broken():
        copy = _first(world)
        world.misbehave(copy)
        await asyncio.sleep(seconds)
        world.misbehave(copy)
    proofs.misbehaves(world.folder)


async def misbehave_together(world: World, seconds: float) -> None:
    """All instances misbehave."""
    copies = list(world.instances.values())
    with world.broken():
        for copy in copies:
            world.misbehave(copy)
        await asyncio.sleep(seconds)
        for copy in copies:
            world.misbehave(copy)
    proofs.misbehaves(world.folder)


async def all_misbehave(world: World, seconds: float) -> None:
    """All instances misbehave; then the load returns, for as long again and a little more."""
    await misbehave_together(world, seconds)
    await asyncio.sleep(seconds + RETURNS_WITHIN_S)


async def kill_registry(world: World, seconds: float) -> None:
    await proofs.mark(world.registry.port)
    with world.broken():
        world.kill_registry()
        await asyncio.sleep(seconds)
        await world.registry.start()
    await proofs.forgot(world.registry.port, expected=not world.shape.durable)


async def hang_registry(world: World, seconds: float) -> None:
    with world.broken():
        world.hang(world.registry)
        await asyncio.sleep(seconds)
        world.resume(world.registry)


async def slow_registry(world: World, seconds: float) -> None:
    with world.broken():
        world.proxy.delay_s = 2.0
        await asyncio.sleep(seconds)
        world.proxy.delay_s = 0.0
    if not world.proxy.held:
        raise NothingBroken("the slow registry has answered nobody")


async def flush(world: World, seconds: float) -> None:
    with world.broken():
        await world.flush()
    await asyncio.sleep(seconds)


async def flush_and_another_first(world: World, seconds: float) -> None:
    """Flush in one transaction, so that nobody else can be first."""
    other = parse_registration(
        OTHER_SERVICE, "other-1", {"host": "127.0.0.1", "port": world.registry.port, "ttl": 60}
    )
    command, keys = scripts.register(other), registry_keys("default")
    source = scripts.script_source(command.script)
    async with redis.asyncio.Redis(port=world.registry.port) as client:
        transaction = client.pipeline(transaction=True)
        transaction.dbsize()
        transaction.flushall()
        transaction.eval(source, len(keys), *keys, *command.args)
        transaction.mset(routing_keys(OTHER_SERVICE))
        with world.broken():
            keys, *_ = await transaction.execute()
    proofs.emptied(keys)
    await asyncio.sleep(seconds)


async def fail_over(world: World, seconds: float) -> None:
    with world.broken():
        world.kill_registry()
    await asyncio.sleep(seconds)
    await world.failed_over()


async def restart_at_random(world: World, seconds: float) -> None:
    """Half of them are killed, half stop properly; at most a third is away at once."""
    rng, until_s = random.Random(1), time.monotonic() + seconds
    at_once = max(1, len(world.instances) // 3)
    away: set[asyncio.Task[None]] = set()

    async def restart(copy: Copy) -> None:
        if rng.random() < 0.5:
            world.instances.pop(copy.spec.instance_id)
            world.kill(copy)
        else:
            await world.remove(copy)
        await asyncio.sleep(rng.uniform(0.1, 1.0))
        await world.replace(copy)

    with world.broken():
        while time.monotonic() < until_s:
            if len(away) < at_once:
                # One that is still starting can't be killed.
                copy = rng.choice([copy for copy in world.instances.values() if copy.runs])
                task = asyncio.create_task(restart(copy))
                away.add(task)
                task.add_done_callback(away.discard)
            await asyncio.sleep(rng.uniform(0.02, 0.2))
        await asyncio.gather(*away)


async def crash_and_stop(world: World, seconds: float) -> None:
    """A process dies, returns at its port with a new id, and stops while the old id is still listed."""
    until_s = time.monotonic() + seconds
    with world.broken():
        while time.monotonic() < until_s:
            copy = _first(world)
            world.instances.pop(copy.spec.instance_id)
            world.kill(copy)
            copy = await world.replace(copy)
            await asyncio.sleep(world.times.lease_s / 6)
            await world.remove(copy)
            await world.add_instance()
            await asyncio.sleep(world.times.lease_s / 6)


async def step_a_clock(world: World, seconds: float) -> None:
    with world.broken():
        copy = _first(world)
        copy.signal(signal.SIGUSR1)
    await asyncio.sleep(seconds)
    await proofs.clock_stepped_back(copy.port)


async def kill_gateway(world: World, seconds: float) -> None:
    with world.broken():
        world.kill(world.gateways[0])
        await asyncio.sleep(seconds)
        await world.start_again(world.gateways[0])


async def hang_while_others_come_and_go(world: World, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    with world.broken():
        copy = _first(world)
        world.hang(copy)
        while time.monotonic() < until_s:
            newcomer = await world.add_instance()
            await asyncio.sleep(seconds / 8)
            await world.remove(newcomer)
        world.resume(copy)


async def replace_gateway_without_registry(world: World, seconds: float) -> None:
    """The new gateway must start with the view that the old one saved."""
    with world.broken():
        world.kill_registry()
        old = world.gateways[0]
        await world.add_gateway()
        world.gateways.remove(old)
        await old.stop()
        await asyncio.sleep(seconds)
        await world.registry.start()


async def keep_on(world: World, seconds: float) -> None:
    """Do nothing: the shape itself is the fault."""
    with world.broken():
        await asyncio.sleep(seconds)
    proofs.hung_up(world.folder)


async def use_up_descriptors(world: World, seconds: float) -> None:
    """Idle clients take all descriptors, so new ones are refused; the gateway blames no instance."""
    gateway, most = world.gateways[0], world.shape.descriptors
    assert most is not None, "the gateway has as many as it likes"
    with world.broken():
        async with health_asked(gateway.port) as wrong, idle_clients(gateway.port, most + 50):
            if world.peer is None and not await refuses_clients(gateway.port, PATH, FULL_WITHIN_S):
                raise NothingBroken("new clients were taken all the time")
            await asyncio.sleep(seconds)
    if world.peer is None:
        world.complaints += [*wrong[:3], *blamed(gateway.output)]


def _first(world: World) -> Copy:
    return next(iter(world.instances.values()))
