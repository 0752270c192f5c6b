"""The whole script of limits on a real server, call by call against its twin in plain Python."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from middlewares.limits.deciding import Ask, Check, Decision, Policy
from middlewares.limits.deciding.alone import Told
from middlewares.limits.deciding.crossing import Caller, call_of, spread, state_of
from tests.redis.limit_twin import LimitTwin
from tests.support.documents import ROOT
from tests.support.every_server import registry_server as registry_server

SCRIPT = (ROOT / "middlewares" / "limits" / "rate_limit.lua").read_text("utf-8")
#: The script, which here also returns its time (microseconds of the server's clock) and its keys' values.
SOURCE = f"""
local time
local function script()
{SCRIPT.replace("local time = redis", "time = redis")}
end
local answers, kept = script(), {{}}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  kept[i] = kind == 'list' and redis.call('LRANGE', key, 0, -1)
    or kind == 'hash' and redis.call('HGETALL', key) or {{}}
end
return {{string.format('%.0f', time[1] * 1000000 + time[2]), answers, kept}}
"""
LEASE_US, SETTLING_US, RETURNING_US = 6_000, 4_000, 2_000
POLICIES = [
    Policy("rate", 3, 4_000),
    Policy("steps", 600, 2_000_000),
    Policy("logins", 2, 10_000, frozenset([401])),
    Policy("logins-shadow", 2, 10_000, frozenset([401]), shadow=True),
    Policy("rate-shadow", 2, 60_000_000, shadow=True),
    Policy("flight", 0, 0, concurrent=3),
    Policy("flight-shadow", 0, 0, concurrent=1, shadow=True),
    Policy("tokens", 0, 10_000, budget=20, reserve=6),
    Policy("tokens-slow", 0, 60_000_000, budget=900, reserve=100),
    Policy("tokens-shadow", 0, 8_000, budget=9, reserve=4, shadow=True),
]
HELD = [policy for policy in POLICIES if policy.is_held]


class Step(NamedTuple):
    """One call: which worker, how it numbers the call, the epoch that it knows, what it tells and asks,
    and how long it was away."""

    worker: str
    number: int
    knows: str
    told: Sequence[tuple[Policy, int, int]]
    asks: Sequence[Ask]
    asking: int
    away_us: int


class Back(NamedTuple):
    """Makes it look as if the server's clock had been ahead until now."""

    by_us: int


class Flush(NamedTuple):
    """The registry is emptied."""


def ask_of(policies: Sequence[Policy]) -> Ask:
    return Ask(tuple(Check(policy, "c") for policy in policies))


several = st.lists(
    st.sampled_from(POLICIES), min_size=1, max_size=4, unique_by=lambda one: one.name
).map(ask_of)
charges = several.map(lambda ask: ask.after(401)).filter(lambda charge: charge is not None)
extensions = st.builds(
    lambda policy, more: Ask((Check(policy, "c"),), more=more),
    st.sampled_from([policy for policy in HELD if policy.budget]),
    st.integers(1, 12),
)
tellings = st.lists(
    st.tuples(st.sampled_from(POLICIES), st.integers(0, 8), st.integers(0, 8)), max_size=4
)
steps = st.one_of(
    st.builds(
        Step,
        worker=st.sampled_from(["a", "b"]),
        number=st.sampled_from([1, 1, 1, 1, 0, -1]),
        knows=st.sampled_from(["epoch"] * 8 + ["", "1"]),
        told=tellings,
        asks=st.lists(st.one_of(several, charges, extensions), max_size=5),
        asking=st.integers(1, 4),
        away_us=st.sampled_from([0] * 8 + [1_000, 400_000]),
    ),
    st.builds(Back, st.sampled_from([1_000, 3_000, 10_000_000])),
    st.builds(Flush),
)


class Registry:
    """The script on a real server, beside its twin."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._twin = LimitTwin(LEASE_US)
        self._epoch = ""
        self._numbers = {"a": 1, "b": 1}

    def flush(self) -> None:
        self._client.flushall()
        self._twin = LimitTwin(LEASE_US)

    def take(self, step: Step) -> None:
        number = max(1, self._numbers[step.worker] + step.number)
        self._numbers[step.worker] = max(number, self._numbers[step.worker])
        epoch = self._epoch if step.knows == "epoch" else step.knows
        caller = Caller(
            step.worker, epoch, number, step.away_us, LEASE_US, SETTLING_US, RETURNING_US
        )
        told = [
            Told(policy, "c", 0 if policy.concurrent else spent, held)
            for policy, spent, held in step.told
        ]
        asked = [(ask, step.asking) for ask in step.asks]
        keys, args = call_of("t", asked, told, caller)
        now, reply, kept = self._client.eval(SOURCE, len(keys), *keys, *args)
        state, answers = self._twin.call(caller, told, asked, int(now))
        self._epoch = state.epoch
        assert state_of(reply) == state
        decided = [spread(ask, n, one) for (ask, n), one in zip(asked, reply[:-1], strict=False)]
        assert len(decided) == len(answers)
        for ask, ours, theirs in zip(step.asks, decided, answers, strict=False):
            if not ask.anyway:
                self._compare(ours, theirs)
        for key, value in zip(keys[2:], kept[2:], strict=True):
            self._compare_kept(key, value)

    def _compare(self, ours: Sequence[Decision], theirs: Sequence[Decision]) -> None:
        assert [_what(one) for one in ours] == [_what(one) for one in theirs]
        if not ours[-1].check.policy.counts:
            assert ours[-1] == theirs[-1]

    def _compare_kept(self, key: str, value: list[bytes]) -> None:
        name = key.split(":")[-2].partition("/")[0]
        account = self._twin.accounts[name, "c"]
        if "/held" in key:
            kept = dict(zip(value[::2], value[1::2], strict=True))
            assert kept == {
                worker.encode(): b"%d %d" % (lease.units, lease.ends_us)
                for worker, lease in account.leases.items()
            }
        else:
            entries = [[int(part) for part in line.split()][:2] for line in value]
            assert entries == [[one.stamp_us, one.count] for one in account._entries]

    def set_the_clock_back(self, by_us: int) -> None:
        for policy in POLICIES:
            account = self._twin.accounts[policy.name, "c"]
            log, hashed = f"t:limit:{policy.name}:c", f"t:limit:/held:{policy.account}:c"
            lines = [line.split() for line in self._client.lrange(log, 0, -1)]
            for at, (stamp, count, total) in enumerate(lines):
                later = f"{int(stamp) + by_us} {int(count)} {int(total)}"
                self._client.lset(log, at, later)
            for worker, lease in self._client.hgetall(hashed).items():
                units, ends = lease.split()
                self._client.hset(hashed, worker, f"{int(units)} {int(ends) + by_us}")
            for entry in account._entries:
                entry.stamp_us += by_us
            for held in account.leases.values():
                held.ends_us += by_us


def _what(decision: Decision) -> Any:
    every = (decision, *decision.others)
    return {(one.policy.name, one.why, one.remaining, one.limit) for one in every}


@pytest.fixture
def client(registry_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(registry_url) as client:
        yield client


@given(st.lists(steps, min_size=1, max_size=30))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_call_does_what_the_twin_does(
    client: "redis.Redis", taken: list[Step | Back | Flush]
) -> None:
    """Calls tell and ask for every kind of limit, are repeated and come late; leases and windows of a few
    milliseconds end meanwhile, the clock is set back, and the registry is emptied."""
    registry = Registry(client)
    registry.flush()
    for step in taken:
        if isinstance(step, Step):
            registry.take(step)
        elif isinstance(step, Back):
            registry.set_the_clock_back(step.by_us)
        else:
            registry.flush()
