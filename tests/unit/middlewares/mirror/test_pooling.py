"""The reports of mirrors of all workers together."""

from middlewares.mirror.deciding.comparing import Found, Verdict
from middlewares.mirror.pooling import joined
from middlewares.mirror.report import MOST_PLACES, MirrorReport


def report(*places: str, since_s: float = 100.0, took_s: float = 0.1) -> MirrorReport:
    made = MirrorReport(since_s)
    made.copies["answered"] += 1
    found = tuple(Found("member", place, place, "1", "2") for place in places)
    made.compared(Verdict(found), "id")
    made.took(took_s, took_s * 2)
    return made


def test_one_report_is_as_it_was() -> None:
    made = report("$.a", "$.b")

    assert joined([made.told("orders", "new")]) == [made.document("orders", "new")]


def test_reports_of_the_same_mirror_are_added() -> None:
    first = report("$.a", since_s=90.0, took_s=0.1)
    second = report("$.b", "$.a", took_s=0.3)
    second.not_compared("too_large")

    other, both = joined(
        [
            first.told("orders", "new"),
            second.told("orders", "new"),
            report().told("orders", "newer"),
        ]
    )[::-1]

    assert (other["mirror"], other["same"]) == ("newer", 1)
    assert both["since"] == 90.0
    assert both["copies"] == {"answered": 2}
    assert (both["compared"], both["same"], both["different"]) == (2, 0, 2)
    assert both["not_compared"] == {"too_large": 1}
    assert [(one["place"], one["count"]) for one in both["differences"]] == [("$.a", 2), ("$.b", 1)]
    assert both["seconds"]["original"] == {"p50": 0.3, "p90": 0.3, "p99": 0.3}


def test_no_more_places_than_in_one_report_are_named() -> None:
    one, other = (report(*(f"$.{name}{number}" for number in range(MOST_PLACES))) for name in "ab")

    (both,) = joined([one.told("orders", "new"), other.told("orders", "new")])

    assert len(both["differences"]) == MOST_PLACES
    assert both["differences_elsewhere"] == MOST_PLACES
