"""Several processes on one registry: no interval ever has more than a limit, seen from outside."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from middlewares.limits.deciding import Policy
from tests.support.eventually import eventually
from tests.support.limit_workers import IN_FLIGHT, RATE, TOKENS, Taken, working
from tests.support.registry_groups import FAILOVER_S, FailoverGroup
from tests.support.registry_groups import running as running_group
from tests.support.registry_servers import RegistryServer

FOR_S = 4.0


def most_in_a_window(taken: Sequence[Taken], policy: Policy) -> int:
    """The most units that were surely all taken within an interval shorter than the window."""
    window_s, most = policy.window_us / 1_000_000, 0
    of_it = sorted((one for one in taken if one.name == policy.name), key=lambda one: one.to_s)
    for first in of_it:
        units = 0
        for one in of_it:
            if one.to_s - first.from_s >= window_s:
                break
            if one.from_s >= first.from_s:
                units += one.units
        most = max(most, units)
    return most


def most_at_once(taken: Sequence[Taken]) -> int:
    """The most requests that were surely in flight at one time."""
    most = now = 0
    changes = [(one.from_s, 1) for one in taken if one.name == IN_FLIGHT.name]
    changes += [(one.to_s, -1) for one in taken if one.name == IN_FLIGHT.name]
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize("seed", [random.randrange(10**6) for _ in range(2)], ids=["one", "two"])
async def test_no_limit_is_ever_exceeded_by_workers_side_by_side_of_which_one_is_killed(
    own_registry: RegistryServer, tmp_path: Path, seed: int
) -> None:
    """A killed worker's reservations count as spent. Clients leave while they wait, streams reserve more
    on the way or break off, and of some nobody knows what they have cost."""
    with working(own_registry.url, tmp_path, FOR_S, seed=seed) as workers:
        await eventually(workers.have_begun, within_s=30)
        workers.processes[0].kill()
        taken = workers.taken()
    assert most_in_a_window(taken, RATE) <= RATE.limit, seed
    assert most_in_a_window(taken, TOKENS) <= TOKENS.limit, seed
    assert most_at_once(taken) <= IN_FLIGHT.limit, seed
    # As much as the limits allow does get through.
    for policy in (RATE, TOKENS):
        units = sum(one.units for one in taken if one.name == policy.name)
        assert units > policy.limit, seed


@pytest.mark.parametrize("loss", ["hangs", "is emptied", "starts anew"])
async def test_a_lost_registry_lets_through_no_more_than_twice_a_limit(
    own_registry: RegistryServer, tmp_path: Path, loss: str
) -> None:
    seed = random.randrange(10**6)
    with working(own_registry.url, tmp_path, FOR_S, seed=seed, within_s=0.1) as workers:
        await eventually(workers.have_begun, within_s=30)
        alone = workers.decisions_alone()
        if loss == "is emptied":
            with own_registry.client() as client:
                client.flushall()
        elif loss == "hangs":
            own_registry.pause()
        else:
            own_registry.kill()
        try:
            await eventually(lambda: workers.decisions_alone() > alone + 50, within_s=10)
        finally:
            if loss == "hangs":
                own_registry.resume()
        if loss == "starts anew":
            own_registry.start()
        taken = workers.taken()
    for policy in (RATE, TOKENS):
        assert most_in_a_window(taken, policy) <= 2 * policy.limit, seed
    assert most_at_once(taken) <= 2 * IN_FLIGHT.limit, seed


@pytest.mark.timeout(240)
async def test_a_failover_lets_through_no_more_than_twice_a_limit(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    with (
        running_group(FailoverGroup(tmp_path / "group")) as group,
        working(group.url(), tmp_path, 8.0, seed=seed, within_s=0.1) as workers,
    ):
        await eventually(workers.have_begun, within_s=30)
        group.primary.kill()
        await eventually(group.failed_over, within_s=FAILOVER_S)
        taken = workers.taken()
    for policy in (RATE, TOKENS):
        assert most_in_a_window(taken, policy) <= 2 * policy.limit, seed
    assert most_at_once(taken) <= 2 * IN_FLIGHT.limit, seed
