"""Who calls which version, through all workers."""

import json

from discovery.base.steps import at_once
from middlewares.versions.callers import MOST_CALLERS, Caller, VersionCalls
from middlewares.versions.calls_of_all import joined, of_plain, to_plain


def calls(*names: str, route: str = "orders", version: str = "1") -> VersionCalls:
    counted = VersionCalls()
    for at, name in enumerate(names):
        counted.count(route, version, Caller("agent", name), 100.0 + at, refused=name == "late")
    return counted


def test_requests_and_callers_are_added() -> None:
    found = at_once(joined([*calls("a", "b", "a"), *calls("b", "late"), *calls("c", version="2")]))

    one = found["orders", "1"]
    assert (one.requests, one.refused, one.last_s, one.others) == (5, 1, 102.0, 0)
    assert one.ranked() == [
        (Caller("agent", "a"), 2, 102.0),
        (Caller("agent", "b"), 2, 101.0),
        (Caller("agent", "late"), 1, 101.0),
    ]
    assert found["orders", "2"].requests == 1


def test_calls_survive_json_and_stay_as_they_are() -> None:
    counted = calls("a", "b", "a")
    before = at_once(to_plain(counted))

    told = [*of_plain(json.loads(json.dumps(before)))]
    at_once(joined([*counted, *told]))

    assert told == [*counted]
    assert at_once(to_plain(counted)) == before


def test_no_more_callers_than_one_worker_knows_are_named_and_the_rest_are_others() -> None:
    some = [f"a{number}" for number in range(MOST_CALLERS)]
    more = [f"b{number}" for number in range(MOST_CALLERS)]

    one = at_once(joined([*calls(*some, *some), *calls(*more)]))["orders", "1"]

    assert len(one.callers) == MOST_CALLERS
    assert {who.name for who in one.callers} == {*some}
    assert one.others == MOST_CALLERS
