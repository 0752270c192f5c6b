"""Who calls which version is counted in bounded memory, and nobody who calls much is missed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.versions import callers
from middlewares.versions.callers import (
    MOST_CALLERS,
    MOST_VERSIONS,
    Caller,
    Calls,
    VersionCalls,
    caller_of,
)


@pytest.mark.parametrize(
    ("subject", "agent", "expected"),
    [
        ("ann", "curl/8", Caller("subject", "ann")),
        (None, "curl/8.5.0", Caller("agent", "curl")),
        (None, "Mozilla/5.0 (X11)", Caller("agent", "Mozilla")),
        (None, "my app", Caller("agent", "my")),
        (None, "", Caller("agent", "")),
        (None, "/x", Caller("agent", "")),
        (None, "a\x07b/1", Caller("agent", "a?b")),
        (None, "x" * 500, Caller("agent", "x" * 64)),
    ],
)
def test_who_calls(subject: str | None, agent: str, expected: Caller) -> None:
    assert caller_of(subject, agent) == expected


@given(names=st.lists(st.integers(0, 9), max_size=200))
def test_no_count_is_more_than_what_came_and_frequent_callers_are_known(names: list[int]) -> None:
    most, callers.MOST_CALLERS = callers.MOST_CALLERS, 4
    try:
        calls = Calls()
        for at, name in enumerate(names):
            calls.count(Caller("agent", str(name)), at, refused=False)
    finally:
        callers.MOST_CALLERS = most
    came = Counter(map(str, names))
    ranked = {who.name: number for who, number, _ in calls.ranked()}
    assert len(ranked) <= 4
    assert all(number <= came[name] for name, number in ranked.items())
    assert sum(ranked.values()) + calls.others == calls.requests == len(names)
    assert calls.others >= 0
    assert {name for name, number in came.items() if number > len(names) / 4} <= {*ranked}
    for who, _, last in calls.ranked():
        assert last == max(at for at, name in enumerate(names) if str(name) == who.name)


def test_the_callers_of_a_version_are_bounded_and_so_are_versions() -> None:
    calls = VersionCalls()
    for number in range(MOST_CALLERS * 3):
        calls.count("shop", "1", Caller("agent", str(number)), 0.0)
    ((_, counted),) = calls.of_route("shop")
    assert len(counted.callers) == MOST_CALLERS
    for number in range(MOST_VERSIONS * 2):
        calls.count(f"r{number}", "1", Caller("agent", "a"), 0.0)
    assert len([*calls]) == MOST_VERSIONS


def test_refused_and_deprecated_requests_are_counted_apart() -> None:
    calls = VersionCalls()
    calls.count("shop", "1", Caller("agent", "a"), 1.0, is_deprecated=True, refused=True)
    calls.count("shop", "1", Caller("agent", "a"), 2.0, is_deprecated=True)
    calls.count("shop", "2", Caller("agent", "a"), 3.0)
    assert calls.deprecated == {("shop", "1"): 2}
    one, two = dict(calls.of_route("shop")).values()
    assert (one.requests, one.refused, one.last_s) == (2, 1, 2.0)
    assert (two.requests, two.refused) == (1, 0)
