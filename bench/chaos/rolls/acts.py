"""Rolls, and the ends of single workers."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import psutil

from bench.chaos.copies import Copy
from bench.chaos.outcome import Death
from bench.chaos.proofs import NothingBroken, stands_still
from bench.chaos.rolls import releases
from bench.chaos.rolls.workers import Workers, client_ports

if TYPE_CHECKING:
    from bench.chaos.rolls.runner import Stage

#: Does it for about so many seconds.
Act = Callable[["Stage", float], Awaitable[None]]
ROLLED_WITHIN_S = 150.0
READY_WITHIN_S = 60.0
#: A crashed worker's pause grows to 10 s.
REPLACED_WITHIN_S = 60.0
#: A worker whose loop hangs is replaced after 10 s.
HANGS_S = 10.0
PAUSE_S = 1.0
#: A roll is refused while eight finish the tunnels that others have left them, so the next one waits a little.
MOST_LEAVING = 4


async def roll_workers(stage: "Stage", seconds: float) -> None:
    """SIGUSR2 to each gateway, one after the other, over and over."""
    until_s = time.monotonic() + seconds
    with stage.world.broken():
        while True:
            for gateway in stage.workers():
                await _roll(gateway, ends="roll.done")
                await gateway.until_few_leave(MOST_LEAVING, ROLLED_WITHIN_S)
                stage.replaced += 2
            if time.monotonic() > until_s:
                break
            await asyncio.sleep(PAUSE_S)


async def replace_gateways(stage: "Stage", seconds: float) -> None:
    """Each gateway is stopped as a whole, and another one is started at its port, over and over."""
    until_s = time.monotonic() + seconds
    world = stage.world
    with world.broken():
        while True:
            for old in list(world.gateways):
                pid = old.pid
                new = await world.replace_gateway(old)
                await stage.workers_of(new).until_ready(world.shape.workers, READY_WITHIN_S)
                if not await stage.watch.until_well(READY_WITHIN_S):
                    raise NothingBroken("the new gateway did not come to know the instances")
                if new.pid == pid:
                    raise NothingBroken("it was the same gateway")
                stage.replaced += 1
                await asyncio.sleep(PAUSE_S)
            if time.monotonic() > until_s:
                return


async def roll_instances(stage: "Stage", seconds: float) -> None:
    """A new instance for each one, which stops once the new one is healthy, over and over."""
    until_s = time.monotonic() + seconds
    world = stage.world
    stopping: dict[Copy, asyncio.Task[None]] = {}
    with world.broken():
        while True:
            for old in [one for one in world.instances.values() if one not in stopping]:
                await world.add_instance()
                if not await stage.watch.until_well(READY_WITHIN_S):
                    raise NothingBroken("a new instance did not become healthy")
                stopping[old] = asyncio.create_task(_stop(stage, old))
            if time.monotonic() > until_s:
                break
        await asyncio.gather(*stopping.values())


async def kill_workers(stage: "Stage", seconds: float) -> None:
    """kill -9 of one of the workers, the one and the other in turn, as often as `stage.times` says."""
    (gateway,) = stage.workers()
    world, master = stage.world, stage.world.gateways[0].pid
    with world.broken():
        for number in range(stage.times):
            await gateway.until_ready(world.shape.workers, REPLACED_WITHIN_S)
            pids = gateway.ready()
            await _kill(stage, pids[sorted(pids)[number % len(pids)]])
        await gateway.until_ready(world.shape.workers, REPLACED_WITHIN_S)
    if gateway.count("worker.ended") < stage.times or world.gateways[0].pid != master:
        raise NothingBroken("not every worker that was killed has ended")


async def hang_worker(stage: "Stage", seconds: float) -> None:
    """SIGSTOP of one of the workers; the gateway has to replace it by itself."""
    (gateway,) = stage.workers()
    world = stage.world
    with world.broken():
        pid = next(iter(gateway.ready().values()))
        psutil.Process(pid).send_signal(signal.SIGSTOP)
        ports = client_ports(pid, world.gateways[0].port)
        death = Death(time.monotonic(), port=world.gateways[0].port)
        world.deaths.append(death)
        stage.ports_of_dead.append((death, ports))
        await asyncio.sleep(HANGS_S / 2)
        stands_still(pid)
        until_s = time.monotonic() + 2 * HANGS_S
        while psutil.pid_exists(pid):
            if time.monotonic() > until_s:
                raise NothingBroken("the worker that hangs was not replaced")
            await asyncio.sleep(PAUSE_S / 10)
        death.gone_s = time.monotonic()
        stage.replaced += 1
        stage.replaced_after_s = death.gone_s - death.began_s
        await gateway.until_ready(world.shape.workers, REPLACED_WITHIN_S)


async def release_that_raises(stage: "Stage", seconds: float) -> None:
    await _release(stage, releases.RAISES, ends="roll.failed", says="this release is broken")


async def slow_release(stage: "Stage", seconds: float) -> None:
    await _release(stage, releases.SLOW, ends="roll.done")


async def release_that_never_gets_ready(stage: "Stage", seconds: float) -> None:
    await _release(stage, releases.NEVER_READY, ends="roll.failed", says="not ready within")


async def kill_a_rolling_gateway(stage: "Stage", seconds: float) -> None:
    """kill -9 of the master while a worker is being replaced; the gateway is started again at its port."""
    world = stage.world
    victim = world.gateways[0]
    rolling = stage.workers_of(victim)
    with world.broken():
        started = rolling.count("worker.started")
        victim.signal(signal.SIGUSR2)
        until_s = time.monotonic() + READY_WITHIN_S
        while rolling.count("worker.started") <= started:
            if time.monotonic() > until_s:
                raise NothingBroken("the roll did not begin")
            await asyncio.sleep(PAUSE_S / 100)
        if rolling.ended_rolls():
            raise NothingBroken("the roll was over before")
        victim.kill()
        new = await world.succeed(victim)
        await stage.workers_of(new).until_ready(world.shape.workers, READY_WITHIN_S)
        stage.replaced += 1
        await asyncio.sleep(seconds)


async def _release(stage: "Stage", text: str, *, ends: str, says: str = "") -> None:
    """Roll to a release; an old worker stays unless the new one gets ready."""
    release, world = stage.world.release, stage.world
    assert release is not None
    (gateway,) = stage.workers()
    with world.broken():
        before = gateway.ready()
        release.spoil(text)
        reason = await _roll(gateway, ends=ends)
        after = gateway.ready()
        if says not in reason:
            raise NothingBroken(f"the roll has failed for another reason: {reason}")
        if ends == "roll.failed" and after != before:
            raise NothingBroken(f"the old workers did not stay: {before}, then {after}")
        release.mend()
        await _roll(gateway, ends="roll.done")
        stage.replaced += 2


async def _roll(gateway: Workers, *, ends: str) -> str:
    """Roll the workers; returns the reason of a failure. Raises NothingBroken if it ends otherwise."""
    before, pid, ended = gateway.ready(), gateway.gateway.pid, len(gateway.ended_rolls())
    gateway.gateway.signal(signal.SIGUSR2)
    event = await gateway.roll_ends(ended, ROLLED_WITHIN_S)
    reason: str = event.get("reason", "")
    if event["event"] != ends:
        raise NothingBroken(f"the roll ended as {event['event']}: {reason}")
    if ends == "roll.done":
        stayed = set(before.values()) & set(gateway.ready().values())
        gone = [one for one in stayed if not gateway.leaves(one)]
        if gone or gateway.gateway.pid != pid:
            raise NothingBroken(f"the roll has not replaced the workers {gone}")
    return reason


async def _kill(stage: "Stage", pid: int) -> None:
    """Kill a worker, and note whose connections it had: it stands still while that is looked up."""
    port = stage.world.gateways[0].port
    process = psutil.Process(pid)
    process.send_signal(signal.SIGSTOP)
    ports = client_ports(pid, port)
    death = Death(time.monotonic(), port=port)
    stage.world.deaths.append(death)
    stage.ports_of_dead.append((death, ports))
    process.kill()
    while psutil.pid_exists(pid):  # noqa: ASYNC110 - another process reaps it
        await asyncio.sleep(PAUSE_S / 1000)
    death.gone_s = time.monotonic()
    stage.replaced += 1
    await asyncio.sleep(PAUSE_S)


async def _stop(stage: "Stage", old: Copy) -> None:
    await stage.world.remove(old, within_s=ROLLED_WITHIN_S)
    stage.replaced += 1
