"""What limits cost the registry: a bounded number of bytes for each client, gone after a window."""

from collections.abc import Iterator, Sequence

import pytest
import redis

from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.deciding.crossing import Caller, call_of
from tests.support.documents import ROOT
from tests.support.every_server import registry_server as registry_server

SCRIPT = (ROOT / "middlewares" / "limits" / "rate_limit.lua").read_text("utf-8")
CLIENTS = 2_000
WINDOW_US = 30_000_000
RATE = Policy("default", 100, WINDOW_US)
WIDE = Policy("wide", 10_000, WINDOW_US)
TOKENS = Policy("tokens", 0, WINDOW_US, budget=100_000, reserve=4_000)
IN_FLIGHT = Policy("burst", 0, 0, concurrent=5)


@pytest.fixture
def client(registry_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(registry_url) as client:
        yield client


def ask(client: "redis.Redis", policies: Sequence[Policy], names: Sequence[str], call: int) -> None:
    """One request of each of these clients."""
    asked = [(Ask(tuple(Check(policy, name) for policy in policies)), 1) for name in names]
    keys, args = call_of("t", asked, (), Caller("0123456789abcdef", "", call))
    client.eval(SCRIPT, len(keys), *keys, *args)


@pytest.mark.parametrize("policy", [RATE, TOKENS, IN_FLIGHT], ids=lambda policy: policy.name)
def test_a_flood_of_clients_costs_one_small_key_each_which_ends_after_the_window(
    client: "redis.Redis", policy: Policy
) -> None:
    """docs/registry.md names the bytes."""
    names = [f"2001:db8:{number:x}::/64" for number in range(CLIENTS)]
    for at in range(0, CLIENTS, 500):
        ask(client, [policy], names[at : at + 500], at + 1)
    keys = [key for key in client.scan_iter() if b"/epoch" not in key and b"/caller" not in key]
    assert len(keys) == CLIENTS
    longest_ms = (policy.window_us + 15_000_000) // 1000 + 1001
    for key in keys[::50]:
        assert 0 < int(client.pttl(key)) <= longest_ms
        assert int(client.memory_usage(key) or 0) <= 256


def test_a_client_that_asks_on_costs_no_more_than_its_steps_of_a_window(
    client: "redis.Redis",
) -> None:
    """Its log has an entry for each request, and of a large limit one for each of 500 steps."""
    now_us = int(client.time()[0]) * 1_000_000
    for policy in (RATE, WIDE):
        entries = min(policy.limit, policy.window_us // policy.resolution_us)
        key = f"t:limit:{policy.name}:c"
        first_us = now_us - now_us % policy.resolution_us - policy.window_us
        stamps = [first_us + number * policy.resolution_us for number in range(1, entries + 1)]
        client.rpush(key, *(f"{stamp_us} 1 {at}" for at, stamp_us in enumerate(stamps, 1)))
        for call in range(1, 5):
            ask(client, [policy], ["c"], call)
        assert int(client.llen(key)) <= entries + 1
        assert int(client.memory_usage(key, samples=0) or 0) <= 27 * entries + 256


def test_a_worker_leaves_one_small_key_that_ends_after_a_day(client: "redis.Redis") -> None:
    ask(client, [IN_FLIGHT], ["c"], 1)
    assert 0 < int(client.pttl("t:limit:/caller:0123456789abcdef")) <= 86_400_000
    assert int(client.memory_usage("t:limit:/caller:0123456789abcdef") or 0) <= 256
