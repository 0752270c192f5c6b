"""What a memory keeps, what it drops, and what it counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.memory import Memory


def memory(entries: int = 3, entry_bytes: int = 10) -> Memory[str, int]:
    return Memory("numbers", entries=entries, entry_bytes=entry_bytes)


def test_what_was_kept_is_recalled_and_nothing_else() -> None:
    met = memory()
    assert met.recall("one") is None
    assert met.keep("one", 1, 3) == 1
    assert met.recall("one") == 1
    assert met.recall("two") is None


def test_hits_and_misses_are_counted() -> None:
    met = memory()
    met.recall("one")
    met.keep("one", 1, 3)
    met.recall("one")
    met.recall("one")
    assert (met.hits, met.misses) == (2, 1)


@pytest.mark.parametrize(("size", "is_kept"), [(10, True), (11, False)])
def test_what_was_made_of_too_much_is_not_kept(size: int, is_kept: bool) -> None:
    met = memory(entry_bytes=10)
    assert met.keep("one", 1, size) == 1
    assert (met.recall("one") == 1) is is_kept


def test_a_full_one_forgets_everything_and_takes_what_comes() -> None:
    met = memory(entries=3)
    for number in range(4):
        met.keep(str(number), number, 1)
    assert [met.recall(str(number)) for number in range(4)] == [None, None, None, 3]


def test_one_knows_nothing_of_another() -> None:
    one, other = memory(), memory()
    one.keep("one", 1, 3)
    assert other.recall("one") is None
    assert one.misses == 0


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 12), st.booleans())),
    st.integers(1, 4),
)
def test_it_is_bounded_and_never_wrong(steps: list[tuple[str, int, bool]], entries: int) -> None:
    met = memory(entries, entry_bytes=10)
    latest: dict[str, int] = {}
    for at, (key, size, asks) in enumerate(steps):
        if asks:
            assert met.recall(key) in (None, latest.get(key))
        elif size <= met.entry_bytes:
            latest[key] = met.keep(key, at, size)
        else:
            met.keep(key, at, size)
        assert len(met) <= entries
    assert met.hits + met.misses == sum(asks for *_, asks in steps)
