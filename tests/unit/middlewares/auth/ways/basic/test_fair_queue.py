"""Clients of a fair queue take turns, and none waits behind the crowd of another."""

from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.basic.fair_queue import FairQueue


def drained(queue: FairQueue[str]) -> list[str]:
    found = []
    while (entry := queue.pop()) is not None:
        found.append(entry)
    return found


def test_clients_take_turns_and_each_has_its_entries_in_order() -> None:
    queue: FairQueue[str] = FairQueue(most=10, most_each=10)
    for client, entry in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1")]:
        assert queue.put(client, entry)
    assert drained(queue) == ["a1", "b1", "c1", "a2", "a3"]


def test_a_client_has_no_more_entries_than_it_may() -> None:
    queue: FairQueue[str] = FairQueue(most=10, most_each=2)
    assert [queue.put("a", f"a{number}") for number in range(3)] == [True, True, False]
    assert queue.put("b", "b1")


def test_a_full_queue_takes_nobody() -> None:
    queue: FairQueue[str] = FairQueue(most=2, most_each=2)
    assert [queue.put(client, client) for client in "abc"] == [True, True, False]


def test_an_entry_that_is_taken_out_leaves_room_and_is_not_given() -> None:
    queue: FairQueue[str] = FairQueue(most=2, most_each=2)
    queue.put("a", "a1")
    queue.put("b", "b1")
    queue.remove("a", "a1")
    queue.remove("a", "a1")
    assert queue.put("c", "c1")
    assert drained(queue) == ["b1", "c1"]


@given(st.lists(st.sampled_from("abcd")), st.lists(st.booleans()))
def test_everything_that_was_put_in_comes_out_once_and_the_length_is_right(
    clients: list[str], pops: list[bool]
) -> None:
    queue: FairQueue[int] = FairQueue(most=100, most_each=5)
    put = {number for number, client in enumerate(clients) if queue.put(client, number)}
    out = [queue.pop() for _ in pops]
    assert len(queue) == len(put) - sum(one is not None for one in out)
    while (one := queue.pop()) is not None:
        out.append(one)
    assert sorted(one for one in out if one is not None) == sorted(put)
    assert len(queue) == 0
