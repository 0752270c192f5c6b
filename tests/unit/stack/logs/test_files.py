"""Log files are followed when they are rotated, truncated or removed."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from gateway.stack.logs.files import CHUNK_BYTES, FollowedFile, last_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "price_service.log"


def add(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def rotate(log: Path) -> None:
    log.rename(log.with_name(log.name + ".1"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_the_last_lines_are_whole(log: Path, count: int) -> None:
    add(log, "one\ntwo\nthree\n")
    assert last_lines(log, count) == ["one", "two", "three"][max(0, 3 - count) :]


def test_a_last_line_without_its_end_counts(log: Path) -> None:
    add(log, "one\ntwo")
    assert last_lines(log, 1) == ["two"]


def test_last_lines_may_be_longer_than_what_is_read_at_once(log: Path) -> None:
    long = "x" * (CHUNK_BYTES + 7)
    add(log, f"before\n{long}\n{long}y\n")
    assert last_lines(log, 2) == [long, long + "y"]


def test_lines_of_earlier_runs_can_be_left_out(log: Path) -> None:
    add(log, "old\n")
    before = log.stat().st_size
    add(log, "one\ntwo\n")
    assert last_lines(log, 5, after_byte=before) == ["one", "two"]
    assert last_lines(log, 1, after_byte=before) == ["two"]
    assert last_lines(log, 5, after_byte=10_000) == ["old", "one", "two"]


def test_a_file_that_is_not_there_has_no_lines(log: Path) -> None:
    assert last_lines(log, 5) == []


def test_following_begins_behind_the_last_whole_line_and_goes_on_with_whole_ones(log: Path) -> None:
    add(log, "one\ntwo\nth")
    followed = FollowedFile(log, from_end=True)
    assert list(followed.earlier_lines()) == ["two", "one"]
    add(log, "ree\nfour\nfi")
    assert followed.new_lines() == ["three", "four"]
    add(log, "ve\n\n")
    assert followed.new_lines() == ["five"]
    assert followed.new_lines() == []
    followed.close()


def test_the_lines_of_rotated_files_come_before_and_a_line_may_span_two(log: Path) -> None:
    add(log, "one\ntw")
    log.rename(log.with_name(log.name + ".2"))
    add(log, "o\nthree\n")
    rotate(log)
    add(log, "four\n")
    followed = FollowedFile(log, from_end=True)
    assert list(followed.earlier_lines()) == ["four", "three", "two", "one"]
    add(log, "five\n")
    assert followed.new_lines() == ["five"]
    followed.close()


def test_a_file_that_is_rotated_while_it_is_read_backwards_counts_once(log: Path) -> None:
    add(log, "one\n")
    rotate(log)
    add(log, "two\nthree\n")
    followed = FollowedFile(log, from_end=True)
    lines = followed.earlier_lines()
    assert next(lines) == "three"
    log.with_name(log.name + ".1").rename(log.with_name(log.name + ".2"))
    rotate(log)
    assert list(lines) == ["two", "one"]
    followed.close()


def test_of_a_long_log_only_the_end_is_read(log: Path) -> None:
    with log.open("wb") as file:
        file.truncate(1 << 34)  # 16 GiB without using disk space
        file.seek(0, 2)
        file.write(b"\n" + b"one\n" * CHUNK_BYTES)
    followed = FollowedFile(log, from_end=True)
    with closing(followed.earlier_lines()) as lines:
        assert list(islice(lines, CHUNK_BYTES)) == ["one"] * CHUNK_BYTES
    add(log, "two\n")
    assert followed.new_lines() == ["two"]
    followed.close()


def test_a_rotation_loses_nothing_and_joins_a_line_that_it_cut(log: Path) -> None:
    add(log, "")
    followed = FollowedFile(log, from_end=True)
    add(log, "one\nfirst ha")
    rotate(log)
    assert followed.new_lines() == ["one"]
    add(log.with_name(log.name + ".1"), "lf, ")
    add(log, "second half\nthree\n")
    assert followed.new_lines() == ["first half, second half", "three"]
    followed.close()


def test_a_truncated_file_is_read_from_its_beginning(log: Path) -> None:
    add(log, "a long first line\n")
    followed = FollowedFile(log, from_end=False)
    assert followed.new_lines() == ["a long first line"]
    log.write_text("new\n")
    assert followed.new_lines() + followed.new_lines() == ["new"]
    followed.close()


def test_a_file_that_comes_later_is_read_whole(log: Path) -> None:
    followed = FollowedFile(log, from_end=True)
    assert followed.new_lines() == []
    add(log, "one\ntwo\n")
    assert followed.new_lines() == ["one", "two"]
    followed.close()


def test_bytes_that_are_no_text_stop_nothing(log: Path) -> None:
    log.write_bytes(b"\xff\xfe\r\nok\n")
    followed = FollowedFile(log, from_end=False)
    assert followed.new_lines()[1] == "ok"
    followed.close()
