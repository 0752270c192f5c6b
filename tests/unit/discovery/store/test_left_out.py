"""A skipped record is reported once, whoever wrote it and however long it is."""

from typing import Any

from structlog.testing import capture_logs

from discovery.store.left_out import MOST_REMEMBERED, LeftOut


def said(*pairs: tuple[str, str]) -> list[Any]:
    left_out = LeftOut()
    with capture_logs() as logs:
        for key, detail in pairs:
            left_out.say(key, detail)
    return logs


def test_each_is_said_when_it_is_first_met_and_when_what_is_wrong_changes() -> None:
    logs = said(("a/1", "no JSON"), ("a/1", "no JSON"), ("a/2", "no JSON"), ("a/1", "no port"))
    assert [(line["key"], line["detail"]) for line in logs] == [
        ("a/1", "no JSON"),
        ("a/2", "no JSON"),
        ("a/1", "no port"),
    ]


def test_what_is_as_long_as_its_writer_liked_is_cut() -> None:
    """A record may name a host of 128 KiB, and a member may be longer still: both were kept and logged."""
    (line,) = said(("k" * 10**6, "d" * 10**6), ("k" * 10**6, "d" * 10**6))
    assert (len(line["key"]), len(line["detail"])) == (200, 200)


def test_of_more_than_are_remembered_some_are_said_again() -> None:
    pairs = [(f"a/{number}", "no JSON") for number in range(MOST_REMEMBERED + 1)]
    assert len(said(*pairs, pairs[-1], pairs[0])) == MOST_REMEMBERED + 2
