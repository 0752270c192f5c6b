"""What a report keeps, and that it keeps no more."""

from middlewares.mirror.deciding.comparing import Found, Verdict
from middlewares.mirror.report import MOST_PLACES, MOST_REPORTS, TIMES_KEPT, MirrorReport, Reports


def found(place: str, copy: str = "b") -> Found:
    return Found("value", place, place, "a", copy)


def test_places_are_in_the_order_of_their_counts_with_the_first_example() -> None:
    report = MirrorReport(1.0)
    report.compared(Verdict((found("/a", "first"),)), "one")
    report.compared(Verdict((found("/b"), found("/a", "second"))), "two")
    report.compared(Verdict(), "three")
    document = report.document("shop", ">=3")
    assert [(one["place"], one["count"]) for one in document["differences"]] == [
        ("/a", 2),
        ("/b", 1),
    ]
    assert document["differences"][0]["example"]["mirror"] == "first"
    assert document["differences"][0]["example"]["correlation_id"] == "one"
    assert (document["compared"], document["same"], document["different"]) == (3, 1, 2)
    assert report.kinds == {"value": 2}


def test_more_places_are_counted_together() -> None:
    report = MirrorReport(1.0)
    for number in range(MOST_PLACES + 7):
        report.compared(Verdict((found(f"/{number}"),)), "id")
    assert len(report.places) == MOST_PLACES
    assert report.document("r", "m")["differences_elsewhere"] == 7


def test_places_that_differ_again_are_found_among_many_that_do_not() -> None:
    """Each answer has members with names of its own, such as identifiers."""
    report = MirrorReport(1.0)
    for number in range(20):
        names = [found(f"/{number}-{name}") for name in range(MOST_PLACES // 2 - 1)]
        if number >= 10:
            names.append(found("/price"))
        report.compared(Verdict(tuple(names)), "id")
    document = report.document("r", "m")
    assert (document["differences"][0]["place"], document["differences"][0]["count"]) == (
        "/price",
        10,
    )
    told = sum(one["count"] for one in document["differences"])
    assert told + document["differences_elsewhere"] == 20 * (MOST_PLACES // 2 - 1) + 10


def test_places_that_were_seen_again_do_not_give_way() -> None:
    report = MirrorReport(1.0)
    for _ in range(2):
        report.compared(Verdict(tuple(found(f"/{name}") for name in range(MOST_PLACES))), "id")
    report.compared(Verdict((found("/new"),)), "id")
    assert ("value", "/new") not in report.places
    assert report.elsewhere == 1


def test_names_are_cut() -> None:
    report = MirrorReport(1.0)
    report.compared(Verdict((found("/" + "x" * 10_000),)), "id")
    assert len(report.document("r", "m")["differences"][0]["place"]) == 200


def test_quantiles_are_of_the_last_times() -> None:
    report = MirrorReport(1.0)
    assert report.document("r", "m")["seconds"] == {"original": {}, "mirror": {}}
    for _ in range(TIMES_KEPT):
        report.took(100.0, 100.0)
    for number in range(TIMES_KEPT):
        report.took(number / 1000, 2.0)
    seconds = report.document("r", "m")["seconds"]
    assert seconds["original"] == {"p50": 0.128, "p90": 0.23, "p99": 0.253}
    assert seconds["mirror"]["p99"] == 2.0


def test_a_body_that_was_not_compared_is_counted_beside_the_rest() -> None:
    report = MirrorReport(1.0)
    report.compared(Verdict((), "too_large"), "id")
    report.not_compared("late")
    document = report.document("r", "m")
    assert document["not_compared"] == {"too_large": 1, "late": 1}
    assert document["same"] == 1


def test_the_report_that_was_used_longest_ago_goes_first() -> None:
    reports = Reports()
    for number in range(MOST_REPORTS):
        reports.of(str(number), "m", 1.0)
    kept = reports.of("0", "m", 2.0)
    reports.of("new", "m", 3.0)
    assert len(reports) == MOST_REPORTS
    assert reports.of("0", "m", 4.0) is kept
    assert ("1", "m") not in dict(reports)


def test_reports_begin_anew() -> None:
    reports = Reports()
    report = reports.of("r", "m", 1.0)
    report.copies["answered"] += 2
    report.compared(Verdict((found("/a"),)), "one")
    report.not_compared("late")
    report.took(1.0, 2.0)
    reports.begin_anew(2.0)
    assert report.is_empty()
    assert report.document("r", "m") == MirrorReport(2.0).document("r", "m")
    report.copies["answered"] += 1
    report.compared(Verdict(), "two")
    document = report.document("r", "m")
    assert not report.is_empty()
    assert (document["copies"], document["compared"]) == ({"answered": 1}, 1)
    assert (report.copies, report.kinds) == ({"answered": 3}, {"value": 1})  # as metrics have it
