"""A worker's limiter: every waiting request gets a decision, and a flood costs bounded memory."""

import asyncio
import gc
from collections.abc import Awaitable

import pytest

from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import Ask, Policy, Why, refusing
from middlewares.limits.limiter import ALONE_FOR_S, ASKS_PER_CALL
from tests.support.limiters import Clock, running
from tests.support.limiters import ask_of as limiter_ask_of
from tests.support.registry_servers import RegistryServer

POLICY = Policy("p", 1, 60_000_000)
WIDE = Policy("wide", 9, 60_000_000)


def ask_of(client: str, *policies: Policy) -> Ask:
    return limiter_ask_of(client, *(policies or (POLICY,)))


@pytest.mark.parametrize("more", [1, ASKS_PER_CALL + 1])
async def test_more_asks_than_a_call_takes_are_all_decided(registry_url: str, more: int) -> None:
    """The first ask that a call had no room for waited until somebody else asked."""
    asks = [ask_of(f"client-{number}") for number in range(ASKS_PER_CALL + more)]
    async with running(registry_url) as limiter, asyncio.timeout(20):
        decisions = await asyncio.gather(*(limiter.decide(ask) for ask in asks))
    assert all(decision.allowed and not decision.locally for decision in decisions)


async def test_alone_it_decides_at_once_and_asks_again_after_a_while(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request waited 100 ms for a registry that had just failed to answer."""
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        assert not (await limiter.decide(ask_of("before"))).locally
        own_registry.pause()
        try:
            with monkeypatch.context() as patch:
                patch.setattr(limiters, "ANSWER_WITHIN_S", 0.1)
                assert (await limiter.decide(ask_of("first"))).locally
            for number in range(20):
                decision = limiter.decide(ask_of(f"client-{number}"))
                assert await at_once(decision)
        finally:
            own_registry.resume()
        clock.now_s += ALONE_FOR_S
        assert not (await limiter.decide(ask_of("later"))).locally


async def at_once(decision: Awaitable[object]) -> bool:
    """Whether the decision comes without a turn for any other task."""
    task = asyncio.ensure_future(decision)
    await asyncio.sleep(0)
    assert task.done()
    return bool(getattr(task.result(), "locally"))  # noqa: B009


async def test_refusals_of_a_flood_are_remembered_up_to_a_cap_and_until_they_are_over(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a new client for each request, the memory grew without limit."""
    monkeypatch.setattr(refusing, "REFUSALS_REMEMBERED", 50)
    clock = Clock()
    most = 0
    async with running(registry_url, clock) as limiter:
        for number in range(170):
            ask = ask_of(f"client-{number}")
            first, second = [await limiter.decide(ask) for _ in range(2)]
            assert (first.allowed, second.allowed) == (True, False)
            assert not (await limiter.decide(ask)).allowed
            most = max(most, len(limiter._refusals.of(POLICY)))
        assert most == 50
        last = ask_of("client-169")
        assert "client-169" in limiter._refusals.of(POLICY)
        clock.now_s += 61
        await limiter.decide(
            last
        )  # the registry is asked again, and by its clock the client is still refused
        assert limiter._refusals.of(POLICY)["client-169"] > clock.now_s


async def test_what_was_refused_is_remembered_no_longer_than_its_policy(registry_url: str) -> None:
    """A reload makes a new policy of the same name, which is asked anew; nothing is kept of the old one."""
    before, after = (Policy("reloaded", limit, 60_000_000) for limit in (1, 2))
    async with running(registry_url) as limiter:
        decisions = [await limiter.decide(ask_of("c", before)) for _ in range(3)]
        assert [one.why for one in decisions] == [Why.ROOM, Why.USED_UP, Why.STILL_USED_UP]
        assert (await limiter.decide(ask_of("c", after))).allowed
        assert limiter._refusals.policies() == [before]
        del before, decisions
        gc.collect()
        assert limiter._refusals.policies() == []


async def test_of_several_limits_the_one_that_refuses_decides_and_is_remembered(
    registry_url: str,
) -> None:
    narrow = Policy("narrow", 2, 60_000_000)
    async with running(registry_url) as limiter:
        together = await asyncio.gather(
            *(limiter.decide(ask_of("c", WIDE, narrow)) for _ in range(4))
        )
        assert [one.allowed for one in together] == [True, True, False, False]
        assert {one.policy for one in together} == {narrow}
        assert limiter._refusals.policies() == [narrow]
        assert (await limiter.decide(ask_of("c", narrow, WIDE))).why is Why.STILL_USED_UP
        alone = await limiter.decide(ask_of("c", WIDE))
        assert (alone.allowed, alone.remaining) == (True, 6)


async def test_a_charge_after_the_answer_is_there_when_it_returns(registry_url: str) -> None:
    logins = Policy("logins", 2, 60_000_000, frozenset([401]))
    ask = ask_of("c", WIDE, logins)
    async with running(registry_url) as limiter:
        for status in (200, 401, 200, 401):
            assert (await limiter.decide(ask)).allowed
            await limiter.charge_after(ask, status)
        refused = await limiter.decide(ask)
        assert (refused.allowed, refused.policy, refused.why) == (False, logins, Why.USED_UP)


async def test_alone_too_an_answer_is_charged_by_its_status(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = Policy("logins", 1, 60_000_000, frozenset([401]))
    ask = ask_of("c", logins)
    async with running(own_registry.url, Clock()) as limiter:
        own_registry.pause()
        try:
            with monkeypatch.context() as patch:
                patch.setattr(limiters, "ANSWER_WITHIN_S", 0.1)
                assert (await limiter.decide(ask)).allowed
            await limiter.charge_after(ask, 200)
            assert (await limiter.decide(ask)).allowed
            await limiter.charge_after(ask, 401)
            refused = await limiter.decide(ask)
            assert (refused.allowed, refused.locally) == (False, True)
        finally:
            own_registry.resume()
