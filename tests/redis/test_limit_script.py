"""The script of rate limits on a real server, ask by ask against plain Python."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from middlewares.limits.deciding import Ask, Check, Decision, Policy
from middlewares.limits.deciding.counting import Account, decide
from middlewares.limits.deciding.crossing import call_of, spread
from tests.support.documents import ROOT
from tests.support.every_server import registry_server as registry_server

SCRIPT = (ROOT / "middlewares" / "limits" / "rate_limit.lua").read_text("utf-8")
#: The script, which here also returns its time (microseconds of the server's clock) and its keys' values.
SOURCE = SCRIPT.replace(
    "\nreturn answers\n",
    """
local kept = {}
for i, key in ipairs(KEYS) do kept[i] = redis.call('LRANGE', key, 0, -1) end
return {integer(now), answers, kept}
""",
)
#: The script of gateways from before an ask had several checks.
EARLIER = (ROOT / "tests" / "redis" / "earlier_rate_limit.lua").read_text("utf-8")
POLICIES = [
    Policy("a", 3, 4_000),
    Policy("b", 5, 20_000),
    Policy("c", 1, 2_000),
    Policy("d", 0, 5_000),
    Policy("e", 600, 2_000_000),
    Policy("f", 4, 60_000_000),
    Policy("g", 2, 10_000, frozenset([401])),
    Policy("h", 3, 60_000_000, frozenset([401])),
    # The same policy after a reload has lowered it.
    Policy("f", 2, 60_000_000),
]
SLOW = POLICIES[5]


def ask_of(*policies: Policy) -> Ask:
    return Ask(tuple(Check(policy, "c") for policy in policies))


@dataclass
class Limits:
    """The script, with a twin of each of its keys."""

    client: "redis.Redis"

    def __post_init__(self) -> None:
        self.logs = {policy.name: Account() for policy in POLICIES}
        #: When the server decided last, by its own clock, and the keys' values then.
        self.now_us = 0
        self.kept: dict[str, list[list[int]]] = {}

    def ask_all(self, asks: Sequence[Ask], asking: int = 1) -> list[list[Decision]]:
        """One call in which `asking` requests ask each of these."""
        keys, args = named(asks, asking)
        now_us, replies, kept = self.eval(SOURCE, keys, args)
        self.now_us = int(now_us)
        self.kept = {key: _numbers(lines) for key, lines in zip(keys, kept, strict=True)}
        return [spread(ask, asking, reply) for ask, reply in zip(asks, replies, strict=True)]

    def ask(self, *policies: Policy, asking: int = 1) -> list[Decision]:
        """One ask with a check of each of these."""
        return self.ask_all([ask_of(*policies)], asking)[0]

    def admits(self, ask: Ask) -> bool:
        """Whether the script alone admits one request."""
        ((admitted, *_),) = self.eval(SCRIPT, *named([ask], 1))
        return bool(admitted)

    def ask_earlier(self, policy: Policy) -> tuple[int, int]:
        """(admitted, remaining), as an earlier gateway decides."""
        args = [1, policy.requests, policy.window_us, policy.resolution_us]
        ((admitted, remaining, _),) = self.eval(EARLIER, [policy.name], args)
        return admitted, remaining

    def eval(self, source: str, keys: list[str], args: list[Any]) -> Any:
        return self.client.eval(source, len(keys), *keys, *args)

    def decide(self, ask: Ask) -> Decision:
        """The twin's decision at the time of the server's last one."""
        logs = [self.logs[check.policy.name] for check in ask.checks]
        return decide(ask, logs, [check.policy.requests for check in ask.checks], self.now_us)

    def entries(self, policy: Policy) -> list[list[int]]:
        """[stamp in us, count, total] of each entry that the server keeps."""
        return _numbers(self.client.lrange(policy.name, 0, -1))

    def set_the_clock_back(self, policy: Policy, by_us: int) -> None:
        """Make it look as if the server's clock had been ahead until now."""
        entries = self.entries(policy)
        self.client.delete(policy.name)
        for stamp_us, count, total in entries:
            self.client.rpush(policy.name, f"{stamp_us + by_us} {count} {total}")
        log = self.logs[policy.name]
        if not entries:  # on a busy machine the key may have expired meanwhile
            log._entries.clear()
            log.used = 0
        for entry in log._entries:
            entry.stamp_us += by_us


def named(asks: Sequence[Ask], asking: int) -> tuple[list[str], list[Any]]:
    """The keys, each the name of its policy, and the arguments of one call."""
    keys, args = call_of("t", [(ask, asking) for ask in asks])
    return [key.split(":")[-2] for key in keys], args


def _numbers(lines: Any) -> list[list[int]]:
    return [[int(part) for part in line.split()] for line in lines]


@pytest.fixture
def limits(registry_url: str) -> Iterator[Limits]:
    with redis.Redis.from_url(registry_url) as client:
        yield Limits(client)


single = st.sampled_from(POLICIES).map(ask_of)
several = st.lists(
    st.sampled_from(POLICIES), min_size=2, max_size=4, unique_by=lambda one: one.name
).map(lambda policies: ask_of(*policies))
charges = several.map(lambda ask: ask.after(401)).filter(lambda charge: charge is not None)
steps = st.one_of(
    st.tuples(
        st.lists(st.one_of(single, several, charges), min_size=1, max_size=6), st.integers(1, 5)
    ),
    st.tuples(st.sampled_from(POLICIES), st.sampled_from([1_000, 3_000, 10_000_000])),
)


@given(st.lists(steps, min_size=1, max_size=40))
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_script_decides_as_its_twin_does(
    limits: Limits, taken: list[tuple[list[Ask] | Policy, int]]
) -> None:
    """The calls have several asks, asks with several checks, a client twice, several equal requests,
    charges after the answer, and a clock that is set back; windows of a few milliseconds end meanwhile."""
    limits.client.flushall()
    limits.logs = {policy.name: Account() for policy in POLICIES}
    for asks, number in taken:
        if isinstance(asks, Policy):
            limits.set_the_clock_back(asks, by_us=number)
            continue
        decided = limits.ask_all(asks, asking=number)
        for ask, decisions in zip(asks, decided, strict=True):
            twins = [limits.decide(ask) for _ in decisions]
            assert ask.anyway or decisions == twins
        for key, entries in limits.kept.items():
            log = limits.logs[key]
            kept = [[stamp_us, count] for stamp_us, count, _ in entries]
            assert kept == [[entry.stamp_us, entry.count] for entry in log._entries]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(POLICIES[:6])), max_size=40))
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_gateway_with_the_earlier_script_counts_with_this_one(
    limits: Limits, taken: list[tuple[bool, Policy]]
) -> None:
    """Both use one registry while gateways are replaced one by one."""
    limits.client.flushall()
    wide = [Policy(policy.name, policy.requests, 60_000_000) for policy in POLICIES[:6]]
    admitted = dict.fromkeys((policy.name for policy in wide), 0)
    for earlier, like in taken:
        policy = next(one for one in wide if one.name == like.name)
        before = admitted[policy.name]
        if earlier:
            counted, remaining = limits.ask_earlier(policy)
        else:
            (decision,) = limits.ask(policy)
            counted, remaining = int(decision.allowed), decision.remaining
        admitted[policy.name] += counted
        assert counted == (before < policy.requests)
        assert remaining == policy.requests - admitted[policy.name]


def test_all_checks_admit_a_request_or_none_is_charged(limits: Limits) -> None:
    wide, narrow = Policy("wide", 10, 60_000_000), Policy("narrow", 2, 60_000_000)
    decisions = limits.ask(wide, narrow, asking=5)
    assert [decision.allowed for decision in decisions] == [True, True, False, False, False]
    assert {decision.policy for decision in decisions} == {narrow}
    assert [one.remaining for decision in decisions for one in decision.others] == [9, 8, 8, 8, 8]
    assert [count for _, count, _ in limits.entries(wide)] == [2]
    assert limits.ask(narrow, wide)[0].policy is narrow
    assert sum(count for _, count, _ in limits.entries(wide)) == 2


def test_an_answer_is_charged_though_there_is_no_room_left(limits: Limits) -> None:
    """Five concurrent requests were admitted, and each was answered 401."""
    policy = Policy("logins", 3, 60_000_000, frozenset([401]))
    ask = ask_of(policy)
    assert all(one.allowed for one in limits.ask(policy, asking=5))
    assert limits.entries(policy) == []
    charge = ask.after(401)
    assert charge is not None
    assert ask.after(200) is None
    limits.ask_all([charge], asking=5)
    (refused,) = limits.ask(policy)
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert sum(count for _, count, _ in limits.entries(policy)) == 5


def test_who_is_over_a_limit_waits_until_there_is_room_and_not_for_the_first_to_end(
    limits: Limits,
) -> None:
    """After a reload has lowered the limit, the end of the first entry makes no room."""
    lowered = Policy("p", 3, 60_000_000)
    begin_us = int(limits.client.time()[0]) * 1_000_000 - 10_000_000
    for number in range(6):
        limits.client.rpush("p", f"{begin_us + number * 1_000_000} 1 {number + 1}")
    (refused,) = limits.ask(lowered)
    assert not refused.allowed
    assert refused.next_in_us == begin_us + 3_000_000 + lowered.window_us - limits.now_us


def test_a_key_lives_no_longer_than_what_is_in_it_counts(limits: Limits) -> None:
    policy = Policy("key", 2, 3_000_000)
    for _ in range(3):
        limits.ask(policy)
        assert 3_000 < int(limits.client.pttl("key")) <= 4_001


def test_a_key_whose_clock_was_set_back_does_not_live_for_ever(limits: Limits) -> None:
    """The entries are then written to a new key. If the client was refused at that moment and never
    came back, the new key never expired."""
    for _ in range(SLOW.requests):
        limits.ask(SLOW)
    limits.set_the_clock_back(SLOW, 3_600_000_000)
    (refused,) = limits.ask(SLOW)
    assert not refused.allowed
    assert 0 < int(limits.client.pttl(SLOW.name)) <= 61_001


def test_after_the_clock_was_set_back_a_client_waits_for_one_window_and_no_longer(
    limits: Limits,
) -> None:
    for _ in range(SLOW.requests):
        limits.ask(SLOW)
    limits.set_the_clock_back(SLOW, 24 * 3_600_000_000)
    (refused,) = limits.ask(SLOW)
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert SLOW.window_us - 1_000 <= refused.next_in_us <= SLOW.window_us + 1_000
    ((stamp_us, count, _),) = limits.entries(SLOW)
    assert abs(stamp_us - limits.now_us) <= 1_000
    assert count == SLOW.requests


def test_a_refused_ask_leaves_no_trace(limits: Limits) -> None:
    for _ in range(SLOW.requests):
        limits.ask(SLOW)
    before = limits.entries(SLOW)
    assert not any(one.allowed for one in limits.ask(SLOW, asking=5))
    assert not any(one.allowed for one in limits.ask(POLICIES[4], SLOW, asking=5))
    assert limits.entries(SLOW) == before
    assert limits.entries(POLICIES[4]) == []


@dataclass(frozen=True)
class Admitted:
    """An admission as its client saw it, in seconds."""

    sent_s: float
    answered_s: float


def hammer(
    url: str, policies: tuple[Policy, ...], for_s: float, note: Callable[[Admitted], None]
) -> None:
    """Ask without a pause over an own connection."""
    with redis.Redis.from_url(url) as client:
        limits, ask, until_s = Limits(client), ask_of(*policies), time.monotonic() + for_s
        while (sent_s := time.monotonic()) < until_s:
            if limits.admits(ask):
                note(Admitted(sent_s, time.monotonic()))


@pytest.mark.parametrize(
    "policies",
    [
        (Policy("k", 5, 300_000),),
        (Policy("k", 600, 300_000),),
        (Policy("l", 60, 900_000), Policy("k", 5, 300_000), Policy("m", 600, 300_000)),
    ],
    ids=["few", "many", "several"],
)
def test_under_four_hammering_clients_no_window_ever_holds_more_than_a_limit(
    registry_url: str, policies: tuple[Policy, ...]
) -> None:
    """Seen from outside, no N + 1 admitted requests were all sent and answered within less than the
    window. As many as the tightest limit allows do get through."""
    admitted: list[Admitted] = []
    threads = [
        threading.Thread(target=hammer, args=(registry_url, policies, 1.5, admitted.append))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for policy in policies:
        window_s = policy.window_us / 1_000_000
        for first in admitted:
            later = sorted(one.answered_s for one in admitted if one.sent_s >= first.sent_s)
            if len(later) > policy.requests:
                assert later[policy.requests] - first.sent_s >= window_s
    assert len(admitted) >= min(policy.requests for policy in policies)
