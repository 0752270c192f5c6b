"""Purges that wait for the registry."""

from middlewares.cache.purging.deciding import untold as module
from middlewares.cache.purging.deciding.records import EVERYTHING
from middlewares.cache.purging.deciding.untold import Untold
from middlewares.cache.stores.store import Purge


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
