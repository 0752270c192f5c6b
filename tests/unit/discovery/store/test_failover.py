"""Which servers a client asks in turn: sentinels, or a cluster's nodes."""

import asyncio

import pytest
import redis

from discovery.model.registry_url import Address
from discovery.store.cluster import ClusterNodes
from discovery.store.sentinel import MasterSearch, Sentinels

LISTED: tuple[Address, ...] = (("one", 1), ("two", 2))


def test_a_silent_sentinel_is_asked_last_from_then_on() -> None:
    sentinels = Sentinels("main", ["silent", "unknowing", "knowing"])
    search = MasterSearch(sentinels)
    asked = []
    for turn in search.turns():
        with turn as sentinel:
            asked.append(sentinel)
            if sentinel == "silent":
                raise redis.TimeoutError("no answer")
            search.told(("master", 6379) if sentinel == "knowing" else None)
    assert search.master == ("master", 6379)
    assert asked == ["silent", "unknowing", "knowing"]
    assert sentinels.clients == ["unknowing", "knowing", "silent"]


def test_no_further_sentinel_is_asked_once_one_has_named_the_master() -> None:
    search = MasterSearch(Sentinels("main", ["a", "b"]))
    for turn in search.turns():
        with turn as sentinel:
            assert sentinel == "a"
            search.told((b"master", 6379))
    assert search.master == ("master", 6379)


def test_what_the_silent_sentinels_said_is_told_where_no_master_is_found() -> None:
    search = MasterSearch(Sentinels("main", ["a", "b"]))
    for turn in search.turns():
        with turn as sentinel:
            raise redis.ConnectionError(f"{sentinel} is away")
    with pytest.raises(redis.ConnectionError, match="'main': a is away; b is away"):
        search.master  # noqa: B018


def test_who_gives_up_while_a_sentinel_is_silent_asks_it_last_the_next_time() -> None:
    sentinels = Sentinels("main", ["silent", "other"])
    turn = next(MasterSearch(sentinels).turns())
    with pytest.raises(asyncio.CancelledError), turn:
        raise asyncio.CancelledError
    assert sentinels.clients == ["other", "silent"]


def test_each_listed_node_is_tried_once_more_than_the_one_thought_right() -> None:
    nodes = ClusterNodes(LISTED)
    nodes.current = ("elsewhere", 3)
    tried: list[Address] = []

    def connect() -> None:
        for turn in nodes.turns():
            with turn as address:
                tried.append(address)
                raise redis.ConnectionError(f"{address[0]} is away")

    with pytest.raises(redis.ConnectionError, match="two is away"):
        connect()
    assert tried == [("elsewhere", 3), ("one", 1), ("two", 2)]


def test_the_node_that_connects_is_the_one_to_begin_with_from_then_on() -> None:
    nodes = ClusterNodes(LISTED)
    for turn in nodes.turns():
        with turn as address:
            if address == LISTED[0]:
                raise redis.TimeoutError("no answer")
    assert nodes.current == LISTED[1]
