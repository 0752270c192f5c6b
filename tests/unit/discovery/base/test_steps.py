"""Long work in steps: its result, the length of a step, and the turns for others in between."""

import asyncio
from time import perf_counter

from discovery.base.stepping import IDLE_TURN_S, MOST_TURNS, STEPS_FOR_S, in_steps
from discovery.base.steps import (
    ITEMS_OF_A_STEP,
    Steps,
    at_once,
    gathered,
    let_go,
    slices,
    weighed_slices,
)
from discovery.model.instance import encode, parse_registration
from discovery.store.decoding import decoding_snapshot
from discovery.store.left_out import LeftOut
from discovery.view.view import View, taking_over

COUNT = 1000


def work(said: list[str]) -> Steps[int]:
    for number in range(3):
        said.append(f"step {number}")
        yield
    return 7


def reply_of(count: int) -> list[object]:
    """The snapshot script's reply for `count` instances."""
    instance = parse_registration("price", "a", {"host": "localhost", "port": 1})
    value = f"1 15000 active {encode(instance)}".encode()
    fields = [
        field
        for number in range(count)
        for field in (b"price/%d" % number, value, b"15001", b"healthy")
    ]
    return [b"e", 1, b"1-0", b"2", 1, fields, [], [], [], []]


def steps_of(steps: Steps[object]) -> int:
    return sum(1 for _ in steps)


def test_the_slices_are_all_items_in_order() -> None:
    numbers = [number for some in slices(range(250)) for number in some]
    assert numbers == list(range(250))
    assert [len(some) for some in slices(range(250))] == [100, 100, 50]
    assert list(slices([])) == []


def test_work_can_be_done_at_once() -> None:
    said: list[str] = []
    assert at_once(work(said)) == 7
    assert said == ["step 0", "step 1", "step 2"]


def long_work(said: list[str]) -> Steps[None]:
    """Steps of which each takes long enough that the loop must run after it."""
    for number in range(3):
        said.append(f"step {number}")
        until_s = perf_counter() + STEPS_FOR_S
        while perf_counter() < until_s:
            pass
        yield


async def test_everything_else_has_its_turn_between_two_long_steps() -> None:
    said: list[str] = []

    async def something_else() -> None:
        for _ in range(2):
            said.append("something else")
            await asyncio.sleep(0)

    other = asyncio.create_task(something_else())
    await in_steps(long_work(said))
    await other
    assert said[:3] == ["step 0", "something else", "something else"]
    assert said.count("something else") == 2
    assert said.index("something else") < said.index("step 1")


async def test_a_loop_that_is_busy_for_ever_gets_the_long_work_done_nevertheless() -> None:
    turns = 0

    async def something_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            until_s = perf_counter() + 2 * IDLE_TURN_S
            while perf_counter() < until_s:
                pass
            await asyncio.sleep(0)

    other = asyncio.create_task(something_else())
    said: list[str] = []
    await in_steps(long_work(said))
    other.cancel()
    assert said == ["step 0", "step 1", "step 2"]
    assert turns == 3 * MOST_TURNS


async def test_short_steps_are_done_together() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert len(await in_steps(gathered(range(100_000)))) == 100_000
    counting.cancel()
    assert turns < steps_of(gathered(range(100_000)))


def test_a_snapshot_is_decoded_and_taken_over_in_short_steps() -> None:
    snapshot = at_once(decoding_snapshot(reply_of(COUNT), LeftOut()))
    assert len(snapshot.records) == COUNT
    assert steps_of(decoding_snapshot(reply_of(COUNT), LeftOut())) >= COUNT / ITEMS_OF_A_STEP
    view = at_once(taking_over(View(), snapshot, 0.0))
    assert len(view.registered("price")) == COUNT
    assert steps_of(taking_over(view, snapshot, 0.0)) >= 2 * COUNT / ITEMS_OF_A_STEP


def test_items_are_gathered_and_let_go_of_in_steps() -> None:
    numbers = at_once(gathered(range(250)))
    assert numbers == list(range(250))
    assert [len(numbers) for _ in let_go(numbers)] == [150, 50, 0]
    assert numbers == []


def test_an_item_that_weighs_much_has_a_slice_of_its_own() -> None:
    weights = [1, 0, 500, 99, 1, 60, 60, 1]
    found = list(weighed_slices(weights, lambda weight: weight))
    assert found == [[1, 0, 500], [99, 1], [60, 60], [1]]
    assert list(weighed_slices([], len)) == []
