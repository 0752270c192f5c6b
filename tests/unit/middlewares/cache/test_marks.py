"""Marks where answers could not be kept."""

from middlewares.cache.marks import MARKED_S, MOST_MARKS, Marks


def test_a_mark_ends_some_time_after_the_last_answer_that_could_not_be_kept() -> None:
    marks = Marks()
    marks.set(b"key", 0.0, "private")
    marks.set(b"key", 10.0, "private")
    assert marks.has(b"key", MARKED_S)
    assert not marks.has(b"key", MARKED_S + 10.0)
    assert len(marks) == 0


def test_a_removed_mark_is_gone() -> None:
    marks = Marks()
    marks.set(b"key", 0.0, "private")
    marks.remove(b"key")
    marks.remove(b"other")
    assert not marks.has(b"key", 0.0)


def test_the_oldest_mark_goes_when_there_are_too_many() -> None:
    marks = Marks()
    for number in range(MOST_MARKS):
        marks.set(b"%d" % number, 0.0, "private")
    marks.set(b"0", 1.0, "private")
    marks.set(b"new", 1.0, "private")
    assert len(marks) == MOST_MARKS
    assert not marks.has(b"1", 1.0)
    assert marks.has(b"0", 1.0)
