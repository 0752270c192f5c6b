"""Purges that wait for the registry."""

from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.purging.deciding import untold as module
from middlewares.cache.purging.deciding.records import EVERYTHING
from middlewares.cache.purging.deciding.untold import Untold
from middlewares.cache.stores.store import Purge
from tests.support.purging import entry


def urls(count: int, size: int = 4) -> list[Purge]:
    return [Purge("url", b"%0*d" % (size, number)) for number in range(count)]


def test_they_come_in_their_order_each_once() -> None:
    untold, some = Untold(), urls(3)
    untold.add([*some, some[0]])
    assert untold.next_record() == some


def test_they_stay_until_they_are_told() -> None:
    untold, some = Untold(), urls(3)
    untold.add(some)
    record = untold.next_record()
    assert untold.next_record() == record
    untold.told([*record, *record])
    assert not untold
    assert untold.next_record() == []


def test_a_record_is_bounded_in_purges_and_in_bytes() -> None:
    untold = Untold()
    untold.add(urls(module.PURGES_OF_A_RECORD + 1))
    assert len(untold.next_record()) == module.PURGES_OF_A_RECORD
    untold = Untold()
    untold.add(urls(10, module.BYTES_OF_A_RECORD // 2))
    assert len(untold.next_record()) == 2


def test_a_purge_larger_than_a_record_comes_alone() -> None:
    untold, (large, other) = Untold(), urls(2, module.BYTES_OF_A_RECORD * 2)
    untold.add([large, other])
    assert untold.next_record() == [large]


def test_too_many_become_one_that_takes_everything() -> None:
    untold = Untold()
    untold.add(urls(module.MOST + 1))
    assert untold.next_record() == [EVERYTHING]
    untold = Untold()
    untold.add(urls(5, module.MOST_BYTES // 4))
    assert untold.next_record() == [EVERYTHING]
    untold.told([EVERYTHING])
    untold.add(urls(2, module.MOST_BYTES // 2))
    assert len(untold) == 2, "the bytes are counted from the beginning again"


PURGES = st.builds(
    Purge,
    kind=st.sampled_from(["url", "prefix", "tag"]),
    value=st.sampled_from([b"http://a/1", b"http://a/12", b"/1", b"/", b"t"]),
    soft=st.booleans(),
)


@given(st.lists(PURGES, max_size=6), st.lists(PURGES, max_size=3))
def test_they_take_what_one_of_those_takes_that_was_not_told(
    some: list[Purge], told: list[Purge]
) -> None:
    untold, one = Untold(), entry(b"http://a/1", b"t")
    untold.add(some)
    untold.told(told)
    assert untold.takes(one) == any(purge.takes(one) for purge in some if purge not in told)


def test_too_many_take_everything() -> None:
    untold = Untold()
    untold.add(urls(module.MOST + 1))
    assert untold.takes(entry(b"http://a/1"))
