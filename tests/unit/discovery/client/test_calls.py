"""The registry's calls without a registry: what each asks, and what it makes of the replies."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from discovery.client.calls import Call, Calls, Pause, Step
from discovery.model.errors import RegistryRefuses, RegistryUnavailable
from discovery.model.instance import encode, parse_registration
from discovery.model.settings import RegistrySettings

SETTINGS = RegistrySettings("redis://:secret@registry:6379/0")
STILL_DRAINING, DRAINED = [1, 2, 1, 5], [1, 2, 0, 0]


@pytest.fixture
def calls() -> Calls:
    return Calls(SETTINGS)


def reply_with(*instance_ids: str) -> list[Any]:
    """The snapshot script's reply with healthy instances of `orders`."""
    fields: list[bytes] = []
    for instance_id in instance_ids:
        instance = parse_registration("orders", instance_id, {"host": "localhost", "port": 1})
        value = f"1 15000 active {encode(instance)}".encode()
        fields += [instance.key.encode(), value, b"15001", b"healthy"]
    return [b"e", 1, b"1-0", b"2", 1, fields, [], [], [], []]


def run(call: Call[Any], *replies: Any) -> tuple[Any, list[Step]]:
    """Drive a call; return its result and what it asked. Exceptions among the replies are thrown into it."""
    said, steps = iter(replies), []
    try:
        step = next(call)
        while True:
            steps.append(step)
            reply = None if isinstance(step, Pause) else next(said)
            step = call.throw(reply) if isinstance(reply, Exception) else call.send(reply)
    except StopIteration as done:
        return done.value, steps


def test_what_goes_wrong_at_the_server_is_told_as_discoverys_own(calls: Calls) -> None:
    away = RedisConnectionError("refused")
    with pytest.raises(RegistryUnavailable, match=r"registry at redis://:.*@registry") as raised:
        run(calls.heartbeat("orders", "o1"), away)
    assert raised.value.__cause__ is away
    assert "secret" not in str(raised.value)


def test_while_the_registry_is_away_a_lookup_gives_the_last_answer(calls: Calls) -> None:
    away = RedisConnectionError("refused")
    with pytest.raises(RegistryUnavailable):
        run(calls.get("orders"), away)
    found, _ = run(calls.get("orders"), reply_with("o1"))
    assert run(calls.get("orders"), away)[0] == found
    assert found["id"] == "o1"


def test_all_instances_are_found_in_one_question(calls: Calls) -> None:
    found, steps = run(calls.instances("orders"), reply_with("o1", "o2", "o3"))
    assert sorted(one["id"] for one in found) == ["o1", "o2", "o3"]
    assert len(steps) == 1


def test_what_is_no_name_is_not_asked_for(calls: Calls) -> None:
    assert run(calls.get("Orders")) == (None, [])
    assert run(calls.instances("Orders")) == ([], [])


def test_a_drain_is_looked_at_until_it_is_complete_with_pauses_that_grow(calls: Calls) -> None:
    replies = [STILL_DRAINING, STILL_DRAINING, DRAINED]
    drained, steps = run(calls.drained("orders", "o1", wait_s=60.0), *replies)
    pauses_s = [step.seconds for step in steps if isinstance(step, Pause)]
    assert drained.complete
    assert pauses_s == sorted(pauses_s)
    assert len(pauses_s) == 2


def test_a_look_at_a_drain_that_is_not_answered_does_not_end_the_wait(calls: Calls) -> None:
    """A registry that got no CPU for 0.25 s failed a drain that might have waited for 30 s."""
    late = RedisTimeoutError("Timeout reading from registry:6379")
    drained, _ = run(
        calls.drained("orders", "o1", wait_s=60.0), late, STILL_DRAINING, late, DRAINED
    )
    assert drained.complete


def test_a_registry_that_stays_silent_ends_the_wait_for_a_drain(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = RedisTimeoutError("Timeout reading from registry:6379")
    monkeypatch.setattr("discovery.client.calls.SILENT_FOR_S", 0.0)
    with pytest.raises(RegistryUnavailable):
        run(calls.drained("orders", "o1", wait_s=60.0), STILL_DRAINING, late)


def test_a_registry_that_refuses_ends_the_wait_for_a_drain(calls: Calls) -> None:
    with pytest.raises(RegistryRefuses):
        run(calls.drained("orders", "o1", wait_s=60.0), ResponseError("no such command"))


def test_without_a_wait_a_look_that_is_not_answered_is_told(calls: Calls) -> None:
    with pytest.raises(RegistryUnavailable):
        run(calls.drained("orders", "o1", wait_s=0.0), RedisTimeoutError("too late"))


def test_a_drain_that_is_not_waited_for_is_looked_at_once(calls: Calls) -> None:
    drained, steps = run(calls.drained("orders", "o1", wait_s=0.0), STILL_DRAINING)
    assert not drained.complete
    assert len(steps) == 1
