"""Log lines stay in order, none is lost, and nobody waits for their reader."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from middlewares.telemetry.line_writer import BATCH_LINES, LineWriter
from tests.support.pipes import Pipe

#: More than any pipe holds.
LINE = b"x" * 1000
MANY = 2000


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with Pipe() as one:
        yield one


def test_lines_come_out_in_their_order_and_whole(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)
    lines = [b"line %d" % n for n in range(3 * BATCH_LINES + 7)]
    reading = pipe.read_in_background()

    for line in lines:
        writer.write(line)
    writer.close()
    pipe.close_write_end()

    assert reading() == b"".join(line + b"\n" for line in lines)
    assert writer.dropped == 0


def test_a_single_line_is_written_without_a_close(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)

    writer.write(b"alone")

    assert os.read(pipe.read_end, 100) == b"alone\n"
    writer.close()


def test_line_after_line_each_wakes_the_writer(pipe: Pipe) -> None:
    """With a lost wake-up a line would wait until the next line comes."""
    writer = LineWriter(pipe.write_end)

    for n in range(5):
        writer.write(b"%d" % n)
        assert os.read(pipe.read_end, 100) == b"%d\n" % n

    writer.close()


def test_flush_writes_at_once(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)

    writer.write(b"a")
    writer.write(b"b")
    writer.flush()

    os.set_blocking(pipe.read_end, False)
    assert os.read(pipe.read_end, 100) == b"a\nb\n"
    writer.close()


def test_lines_of_several_threads_are_all_there_and_each_threads_in_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)
    reading = pipe.read_in_background()

    def write(name: int) -> None:
        for n in range(MANY):
            writer.write(b"%d %d" % (name, n))

    threads = [threading.Thread(target=write, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    pipe.close_write_end()

    came = [tuple(map(int, line.split())) for line in reading().splitlines()]
    assert len(came) == 4 * MANY
    for name in range(4):
        assert [n for who, n in came if who == name] == list(range(MANY))


def test_a_reader_that_reads_nothing_holds_nobody_up(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)

    began_s = time.monotonic()
    for _ in range(MANY):
        writer.write(LINE)
    took_s = time.monotonic() - began_s

    assert took_s < 4  # it would be held up for ever
    reading = pipe.read_in_background()
    writer.close()
    pipe.close_write_end()
    assert reading() == (LINE + b"\n") * MANY


def test_what_finds_no_room_is_dropped_counted_and_told(pipe: Pipe) -> None:
    writer = LineWriter(
        pipe.write_end, loss_line=lambda count: b"%d lines were dropped" % count, lines_kept=100
    )
    for _ in range(MANY):
        writer.write(LINE)
    dropped = writer.dropped

    reading = pipe.read_in_background()
    writer.close()
    pipe.close_write_end()

    assert 0 < dropped <= MANY - 100
    came = reading().splitlines()
    assert came.count(LINE) == MANY - dropped
    assert b"%d lines were dropped" % dropped in came
    assert len(came) == MANY - dropped + 1


def test_what_waits_is_bounded_in_bytes_too(pipe: Pipe) -> None:
    """Clients choose the length of lines: 8,000 refused requests took a gigabyte."""
    writer = LineWriter(
        pipe.write_end, loss_line=lambda count: b"lost %d" % count, bytes_kept=50_000
    )
    for _ in range(MANY):
        writer.write(LINE)
    dropped = writer.dropped

    reading = pipe.read_in_background()
    writer.close()
    pipe.close_write_end()

    came = reading().splitlines()
    kept = came.count(LINE)
    assert kept == MANY - dropped
    # A pipe holds 64 KiB in addition to the lines that wait or are being written.
    assert 40 <= kept <= 50 + 2**16 // len(LINE)
    assert b"lost %d" % dropped in came


def test_there_is_room_again_for_what_comes_after(pipe: Pipe) -> None:
    """A count that only grew would drop everything in the end."""
    writer = LineWriter(pipe.write_end, bytes_kept=2 * len(LINE))
    reading = pipe.read_in_background()

    for _ in range(100):
        writer.write(LINE)
        writer.flush()
    writer.close()
    pipe.close_write_end()

    assert writer.dropped == 0
    assert reading() == (LINE + b"\n") * 100


def test_a_count_that_is_wrong_is_right_again_once_nothing_waits(pipe: Pipe) -> None:
    """No lock guards it: without an interpreter lock two threads at once could make it wrong for ever."""
    writer = LineWriter(pipe.write_end, bytes_kept=2 * len(LINE))

    writer._bytes += 2 * len(LINE)
    writer.flush()
    writer.write(LINE)
    writer.close()

    assert writer.dropped == 0


def test_many_small_lines_count_for_what_they_take(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end, bytes_kept=10_000)
    pipe.fill()
    for _ in range(MANY):
        writer.write(b"")

    assert writer.dropped == MANY - 10_000 // 48
    pipe.drain()
    writer.close()


def test_a_loss_is_told_once(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end, loss_line=lambda count: b"lost %d" % count, lines_kept=1)
    for _ in range(MANY):
        writer.write(LINE)
    reading = pipe.read_in_background()
    writer.flush()
    dropped = writer.dropped
    writer.write(b"after")
    writer.close()
    pipe.close_write_end()

    came = [line for line in reading().splitlines() if line != LINE]
    assert came == [b"lost %d" % dropped, b"after"]


def test_a_line_behind_the_close_is_written_at_once(pipe: Pipe) -> None:
    """The docstring said so, but the line was lost."""
    writer = LineWriter(pipe.write_end)
    writer.write(b"before")
    writer.close()

    writer.write(b"after")

    os.set_blocking(pipe.read_end, False)
    assert os.read(pipe.read_end, 100) == b"before\nafter\n"


def test_a_close_twice_is_a_close(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)
    writer.write(b"a")
    writer.close()
    writer.close()
    pipe.close_write_end()

    assert os.read(pipe.read_end, 100) == b"a\n"


def test_a_close_does_not_wait_for_ever_for_a_reader(pipe: Pipe) -> None:
    """A process whose log nobody reads could not be stopped."""
    writer = LineWriter(pipe.write_end, closes_within_s=0.2)
    for _ in range(MANY):
        writer.write(LINE)

    began_s = time.monotonic()
    writer.close()

    assert time.monotonic() - began_s < 4  # of the five that it waits otherwise
    pipe.drain()  # the writer's thread can end


def test_a_reader_that_is_gone_is_no_error(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)
    pipe.close_read_end()

    for _ in range(MANY):
        writer.write(LINE)
    writer.close()


@pytest.mark.parametrize("shared", [False, True])
def test_what_a_full_disk_does_not_take_is_counted_and_told_when_there_is_room(
    tmp_path: Path, shared: bool
) -> None:
    out = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(out, loss_line=lambda count: b"lost %d" % count, shared=shared)
    for _ in range(10):
        writer.write(LINE)
    writer.flush()
    assert writer.dropped == 10

    log = tmp_path / "log"
    with log.open("wb") as file:
        os.dup2(file.fileno(), out)
    writer.write(b"after")
    writer.close()
    os.close(out)

    assert log.read_bytes() == b"after\nlost 10\n"
    assert writer.dropped == 10


def test_a_line_after_one_that_a_full_disk_took_in_part_is_a_line(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [3]

    def write(descriptor: int, data: memoryview) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(descriptor, data[: room.pop()])

    written = os.write
    writer = LineWriter(pipe.write_end, loss_line=lambda count: b"lost %d" % count)
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", write)
        writer.write(b"before")
        writer.flush()
        writer.write(b"meanwhile")
        writer.flush()
    writer.write(b"after")
    writer.close()
    pipe.close_write_end()

    assert os.read(pipe.read_end, 100) == b"bef\nafter\nlost 2\n"


def test_a_pipe_that_somebody_made_non_blocking_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.write_end, False)
    writer = LineWriter(pipe.write_end)
    for _ in range(MANY):
        writer.write(LINE)

    reading = pipe.read_in_background()
    writer.close()
    pipe.close_write_end()

    assert reading() == (LINE + b"\n") * MANY


@pytest.mark.parametrize(
    "ending", ["", "raise SystemExit(3)", "1 / 0"], ids=["end", "exit", "error"]
)
def test_nothing_is_lost_at_the_end_of_a_process(ending: str) -> None:
    program = (
        "from middlewares.telemetry.line_writer import LineWriter\n"
        "writer = LineWriter(1)\n"
        "for n in range(1000):\n"
        "    writer.write(b'%d' % n)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + ending], capture_output=True, check=False, timeout=30
    )

    assert done.stdout.split() == [b"%d" % n for n in range(1000)]
