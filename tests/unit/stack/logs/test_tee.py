"""The log of `lockgate serve` goes to a small file and to the terminal."""

import os
from pathlib import Path

from gateway.stack.logs.rotating_file import LOG_BACKUPS, RotatingFile
from gateway.stack.logs.tee import LogTee
from tests.support.stack_stand_ins import until


def test_lines_go_to_both_places_and_only_what_is_shown_is_rendered(tmp_path: Path) -> None:
    path, (read_end, out) = tmp_path / "log", os.pipe()
    tee = LogTee(path, out, bytes.upper)
    os.write(tee.file_descriptor, b"one\nt")
    until(lambda: path.read_bytes() == b"one\n")
    os.write(tee.file_descriptor, b"wo\nthree\n")
    tee.close()
    os.close(out)
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    with open(read_end, "rb") as shown:
        assert shown.read() == b"ONE\nTWO\nTHREE\n"


def test_the_file_goes_on_when_nobody_reads_the_other(tmp_path: Path) -> None:
    path, (read_end, out) = tmp_path / "log", os.pipe()
    os.close(read_end)
    tee = LogTee(path, out, bytes)
    for line in (b"one\n", b"two\n"):
        os.write(tee.file_descriptor, line)
        until(lambda last=line: path.read_bytes().endswith(last))
    tee.close()
    os.close(out)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_terminal_that_is_full_for_a_moment_loses_nothing(tmp_path: Path) -> None:
    """Another program may have made the terminal non-blocking."""
    path, (read_end, out) = tmp_path / "log", os.pipe()
    os.set_blocking(out, False)
    full = os.write(out, b"x" * 10_000_000)
    tee = LogTee(path, out, bytes)
    os.write(tee.file_descriptor, b"late\n")
    until(lambda: path.read_bytes() == b"late\n")
    with open(read_end, "rb") as shown:
        shown.read(full)
        tee.close()
        os.close(out)
        assert shown.read() == b"late\n"


def test_what_comes_after_the_end_harms_nothing(tmp_path: Path) -> None:
    """The log's writer may write a last line when the process ends."""
    tee = LogTee(tmp_path / "log", os.open(os.devnull, os.O_WRONLY), bytes)
    tee.close()
    with (tmp_path / "another").open("wb") as another:
        os.write(tee.file_descriptor, b"late\n")
    assert another.closed
    assert (tmp_path / "another").read_bytes() == b""
    assert (tmp_path / "log").read_bytes() == b""


def test_a_file_that_would_be_too_large_is_begun_anew_and_the_oldest_is_lost(
    tmp_path: Path,
) -> None:
    file = RotatingFile(tmp_path / "log", most_bytes=10)
    for number in range(12):
        file.write(b"line %02d\n" % number)
    file.close()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {
        "log": b"line 11\n",
        **{f"log.{n}": b"line %02d\n" % (11 - n) for n in range(1, LOG_BACKUPS + 1)},
    }
