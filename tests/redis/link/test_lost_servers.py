"""The limiter comes back to a registry that was away, restarted, moved or failed over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from middlewares.limits.deciding import Decision, Policy
from middlewares.limits.limiter import ALONE_FOR_S, SharedLimiter
from tests.support.eventually import eventually
from tests.support.limiters import Clock, ask_of, running
from tests.support.registry_groups import FAILOVER_S, SLOTS, FailoverGroup, cluster, move_slot
from tests.support.registry_groups import running as running_group
from tests.support.registry_servers import RegistryServer

#: A failover may take its time on a busy machine.
pytestmark = [pytest.mark.both_loops, pytest.mark.timeout(180)]

POLICY = Policy("default", 1000, 600_000_000)
SLOT = key_slot(b"lockgate:default")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[RegistryServer]]:
    """A cluster of two nodes; the one that has the registry comes first."""
    with cluster(tmp_path, 2) as servers:
        yield servers if SLOT * 2 // SLOTS == 0 else servers[::-1]


async def decide(limiter: SharedLimiter) -> Decision:
    return await limiter.decide(ask_of("client", POLICY))


def restart(server: RegistryServer) -> None:
    server.kill()
    server.start()


def forget_scripts(server: RegistryServer) -> None:
    with server.client() as client:
        client.script_flush()


@pytest.mark.parametrize(("lose", "left"), [(restart, 999), (forget_scripts, 998)])
async def test_what_a_server_lost_between_two_calls_is_not_missed(
    own_registry: RegistryServer, lose: Callable[[RegistryServer], None], left: int
) -> None:
    """After a restart the worker counted alone for a second."""
    async with running(own_registry.url) as limiter:
        assert (await decide(limiter)).remaining == 999
        lose(own_registry)
        decision = await decide(limiter)
        assert (decision.locally, decision.remaining) == (False, left)


async def test_a_server_that_is_away_is_asked_again_after_a_while(
    own_registry: RegistryServer,
) -> None:
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        await decide(limiter)
        own_registry.kill()
        assert (await decide(limiter)).locally
        assert limiter.alone
        own_registry.start()
        assert (await decide(limiter)).locally
        clock.now_s += ALONE_FOR_S
        assert not (await decide(limiter)).locally
        assert not limiter.alone


@pytest.mark.parametrize("first", [0, 1])
async def test_in_a_cluster_the_first_request_is_counted_whichever_node_is_asked(
    pair: list[RegistryServer], first: int
) -> None:
    order = pair[first:] + pair[:first]
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in order)
    async with running(f"redis+cluster://{hosts}") as limiter:
        decision = await decide(limiter)
        assert (decision.locally, decision.remaining) == (False, 999)


async def test_a_slot_that_moves_is_followed_without_an_uncounted_request(
    pair: list[RegistryServer],
) -> None:
    from_, to = pair
    async with running(f"redis+cluster://127.0.0.1:{from_.port}") as limiter:
        assert not (await decide(limiter)).locally
        with from_.client() as client:
            client.flushall()
        move_slot(SLOT, from_, to)
        decision = await decide(limiter)
        assert (decision.locally, decision.remaining) == (False, 999)
        with to.client() as other:
            assert other.dbsize() == 1


async def test_a_failover_by_hand_is_followed(tmp_path: Path) -> None:
    """Both servers stay up: the old master refuses writes from then on."""
    with running_group(FailoverGroup(tmp_path)) as group:
        async with running(group.url()) as limiter:
            assert (await decide(limiter)).remaining == 999
            group.replicate()
            group.fail_over()
            await eventually(group.failed_over, within_s=FAILOVER_S)
            assert await eventually(lambda: counted(limiter)) <= 998


async def counted(limiter: SharedLimiter) -> int:
    """What is left by the registry's count; 0 while the limiter decides alone."""
    decision = await decide(limiter)
    return 0 if decision.locally else decision.remaining
