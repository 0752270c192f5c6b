"""What the clients of the chaos suite saw of remembered answers is counted, and judged."""

import pytest

from bench.chaos.readers import Read, Source, source_of
from bench.chaos.remembered import SCENARIOS, Seen

DEAD, SLOW = SCENARIOS[0], next(one for one in SCENARIOS if one.slow is not None)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("lockgate; hit; ttl=1", "fresh"),
        ("lockgate; hit; ttl=0", "fresh"),
        ("lockgate; hit; ttl=-1", "stale"),
        ("lockgate; fwd=stale; fwd-status=503; detail=stale-if-error", "stale"),
        ("lockgate; fwd=stale; fwd-status=200; ttl=1; stored", "fetched"),
        ("lockgate; fwd=uri-miss; collapsed", "fetched"),
    ],
)
def test_the_source_of_an_answer_is_what_the_cache_says(said: str, source: Source) -> None:
    head = f"http/1.1 200 ok\r\ncache-status: {said}\r\nage: 1\r\n\r\n".encode()
    assert source_of(head) == source


def test_an_answer_without_a_cache_was_fetched() -> None:
    assert source_of(b"http/1.1 200 ok\r\ncontent-length: 1\r\n\r\n") == "fetched"


def read(source: Source, took_s: float = 0.1, failure: str | None = None) -> Read:
    return Read("page-1", 1.0, 1.0 + took_s, failure, source)


def test_what_failed_and_what_was_slow_misses_the_bar() -> None:
    seen = Seen(SLOW, 3, [read("stale"), read("fetched", 0.6), read("fetched", 5, "status 503")])
    assert seen.problems() == [
        "1 requests failed (1 x status 503)",
        "1 answers took over 0.5 s, 0 may",
    ]


def test_answers_may_be_slow_where_no_bar_says_otherwise() -> None:
    assert Seen(DEAD, 3, [read("stale"), read("fetched", 0.6)]).problems() == []


@pytest.mark.parametrize(
    ("nothing_broken", "recovered", "problem"),
    [
        ("it ran", True, "the scenario itself failed, nothing was broken: it ran"),
        (None, False, "the gateway never said that all is well again"),
    ],
)
def test_a_fault_that_was_none_or_that_stays_misses_the_bar(
    nothing_broken: str | None, recovered: bool, problem: str
) -> None:
    assert Seen(DEAD, 3, [read("stale")], nothing_broken, recovered).problems() == [problem]


def test_a_run_without_a_stale_answer_shows_nothing() -> None:
    (problem,) = Seen(DEAD, 3, [read("fresh"), read("fetched")]).problems()
    assert problem == "no stale answer was served, so nothing was shown"


def test_a_row_has_a_count_for_each_source() -> None:
    reads = [read("fresh"), read("stale"), read("stale"), read("fetched", 5, "status 503")]
    assert Seen(DEAD, 3, reads).cells()[3:] == ("4", "1", "1", "2", "0", "0", "5000")
