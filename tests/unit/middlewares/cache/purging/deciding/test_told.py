"""What the registry was told is kept for a minute, and in bounded memory."""

from middlewares.cache.purging.deciding import told as module
from middlewares.cache.purging.deciding.records import EVERYTHING
from middlewares.cache.purging.deciding.told import Told
from middlewares.cache.stores.store import Purge


def url(number: int) -> Purge:
    return Purge("url", b"http://a.example/%d" % number)


def test_another_server_is_told_what_was_told_in_the_last_minute() -> None:
    told = Told()
    told.add(0.0, [url(1)])
    told.add(50.0, [url(2), url(3)])
    told.add(60.0, [url(4)])
    assert list(told.lately(60.0)) == [[url(1)], [url(2), url(3)], [url(4)]]
    assert list(told.lately(61.0)) == [[url(2), url(3)], [url(4)]]
    told.clear()
    assert list(told.lately(61.0)) == []


def test_what_is_older_takes_no_memory() -> None:
    told = Told()
    for second in range(0, 1000, 10):
        told.add(second, [url(second)])
    assert len(told) == 7


def test_too_many_purges_become_one_of_everything() -> None:
    told = Told()
    for second in range(30):
        told.add(second, [url(number) for number in range(500)])
        assert len(told) <= module.MOST
    assert [EVERYTHING] in told.lately(30.0)


def test_too_many_bytes_become_one_of_everything() -> None:
    told = Told()
    told.add(0.0, [Purge("url", b"http://a.example/" + b"x" * module.MOST_BYTES)])
    assert list(told.lately(0.0)) == [[EVERYTHING]]
