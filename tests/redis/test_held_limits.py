"""What a worker's requests hold of budgets and of limits on requests in flight, on a real registry."""

import asyncio
import contextlib

import redis

from middlewares.limits.deciding import Decision, Held, Policy, Why
from middlewares.limits.limiter import SharedLimiter
from tests.support.eventually import eventually
from tests.support.limiters import ask_of, running

HOUR_US = 3_600_000_000
IN_FLIGHT = Policy("burst", 0, 0, concurrent=2)
TOKENS = Policy("tokens", 0, HOUR_US, budget=100, reserve=40)


def held_of(decision: Decision) -> Held:
    assert decision.held is not None
    return decision.held


async def remaining(limiter: SharedLimiter, policy: Policy, key: str = "c") -> int:
    """What is left, asked without holding it."""
    decision = await limiter.decide(ask_of(key, policy))
    if decision.held is None:
        return decision.remaining
    limiter.give_back(decision.held)
    return decision.remaining + policy.need


async def test_no_more_requests_are_in_flight_than_may_be_and_an_end_makes_room(
    registry_url: str,
) -> None:
    ask = ask_of("c", IN_FLIGHT)
    async with running(registry_url) as one, running(registry_url) as other:
        first, second = await one.decide(ask), await other.decide(ask)
        assert (first.remaining, second.remaining) == (1, 0)
        refused = await one.decide(ask)
        assert (refused.why, refused.held, refused.retry_after_s) == (Why.USED_UP, None, 1)
        assert one.reserved() == {"burst": 1}
        one.settle(held_of(first))
        assert (await one.decide(ask)).allowed
        assert not (await other.decide(ask)).allowed


async def test_a_budget_reserves_and_is_charged_what_was_spent(registry_url: str) -> None:
    ask = ask_of("c", TOKENS)
    async with running(registry_url) as limiter:
        decisions = await asyncio.gather(*(limiter.decide(ask) for _ in range(3)))
        assert [one.allowed for one in decisions] == [True, True, False]
        assert [one.remaining for one in decisions] == [60, 20, 20]
        limiter.settle(held_of(decisions[0]), {"tokens": 15})
        assert await remaining(limiter, TOKENS) == 45
        limiter.settle(held_of(decisions[0]), {"tokens": 15})  # once is enough
        limiter.settle(held_of(decisions[1]))  # what it cost is not known
        assert await remaining(limiter, TOKENS) == 45
        assert limiter.reserved() == {}


async def test_who_costs_more_than_is_reserved_reserves_more_on_the_way(registry_url: str) -> None:
    async with running(registry_url) as limiter:
        held = held_of(await limiter.decide(ask_of("c", TOKENS)))
        assert await limiter.extend(held, "tokens", 50)
        assert not await limiter.extend(held, "tokens", 11)
        assert held.reserved("tokens") == 90
        limiter.settle(held, {"tokens": 95})
        assert limiter.overdrafts == {"tokens": 5}
        assert await remaining(limiter, TOKENS) == 5
        assert not await limiter.extend(held, "tokens", 1)
        assert await remaining(limiter, TOKENS) == 5


async def test_a_request_that_one_of_several_limits_refuses_holds_nothing(
    registry_url: str,
) -> None:
    wide = Policy("wide", 9, HOUR_US)
    async with running(registry_url) as limiter:
        ask = ask_of("c", wide, IN_FLIGHT, TOKENS)
        decisions = [await limiter.decide(ask) for _ in range(3)]
        assert [one.allowed for one in decisions] == [True, True, False]
        assert {one.policy.name: one.remaining for one in (decisions[2], *decisions[2].others)} == {
            "wide": 7,
            "burst": 0,
            "tokens": 20,
        }


async def test_a_shadow_is_decided_but_neither_refuses_nor_is_charged_for_what_it_would_refuse(
    registry_url: str,
) -> None:
    shadow = Policy("shadow", 1, HOUR_US, shadow=True)
    shadowed = Policy("tokens", 0, HOUR_US, budget=50, reserve=40, shadow=True)
    async with running(registry_url) as limiter:
        decisions = await asyncio.gather(
            *(limiter.decide(ask_of("c", shadow, shadowed)) for _ in range(3))
        )
        assert [one.allowed for one in decisions] == [True, True, True]
        assert [one.why for one in decisions] == [Why.ROOM, Why.USED_UP, Why.USED_UP]
        assert [one.held is None for one in decisions] == [False, True, True]
        limiter.settle(held_of(decisions[0]), {"tokens": 10})
        assert await remaining(limiter, shadowed) == 40


async def test_a_caller_that_leaves_while_it_waits_holds_nothing(registry_url: str) -> None:
    ask = ask_of("c", IN_FLIGHT)
    async with running(registry_url) as limiter:
        for turns in range(8):
            callers = [asyncio.ensure_future(limiter.decide(ask)) for _ in range(2)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for caller in callers:
                caller.cancel()
            for caller in callers:
                with contextlib.suppress(asyncio.CancelledError):
                    limiter.give_back(held_of(await caller))
            await eventually(lambda: limiter.reserved() == {})
        decisions = [await limiter.decide(ask) for _ in range(2)]
        assert all(one.allowed for one in decisions)


async def test_nothing_is_left_in_the_registry_of_what_was_held(registry_url: str) -> None:
    async with running(registry_url) as limiter:
        held = held_of(await limiter.decide(ask_of("c", IN_FLIGHT, TOKENS)))
        with redis.Redis.from_url(registry_url) as client:
            assert len(client.keys("*/held*")) == 2
            limiter.settle(held, {"tokens": 1})
            await eventually(lambda: client.keys("*/held*") == [])


async def test_a_worker_that_stops_tells_what_its_last_requests_have_spent(
    registry_url: str,
) -> None:
    """A drained gateway left its last reservations behind for a window."""
    async with running(registry_url) as limiter:
        held = held_of(await limiter.decide(ask_of("c", IN_FLIGHT, TOKENS)))
        limiter.settle(held, {"tokens": 30})
    with redis.Redis.from_url(registry_url) as client:
        assert client.keys("*/held*") == []
    async with running(registry_url) as another:
        assert await remaining(another, TOKENS) == 70
