"""The view in a file: what is written, and which lines are not believed."""

import asyncio
import errno
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from discovery.base.steps import at_once
from discovery.base.tasks import end
from discovery.model.instance import parse_registration
from discovery.view import saved_view
from discovery.view.saved_view import FORMAT, SavedView, ViewLines, read, write
from discovery.view.view import Absence, Entry, View
from tests.support.eventually import eventually


def entry(key: str, *, draining: bool = False, absent: Absence | None = None) -> Entry:
    name, _, instance_id = key.partition("/")
    body = {"host": "localhost", "port": 8000, "metadata": {"zone": "ä\n"}, "weight": 3}
    instance = parse_registration(name, instance_id, body)
    return Entry(instance, 17, draining=draining, status="healthy", absent=absent)


def view_of(*entries: Entry, **known: float) -> View:
    services: dict[str, dict[str, Entry]] = {}
    for one in entries:
        services.setdefault(one.instance.name, {})[one.key] = one
    return View("e1", 7, services, known)


def save(path: Path, view: View, current_at_s: float) -> None:
    write(path, at_once(ViewLines().of(view)), current_at_s)


def test_what_was_saved_comes_back_with_its_age_and_has_to_be_probed(tmp_path: Path) -> None:
    path = tmp_path / "view"
    now_s = time.monotonic()
    view = view_of(entry("price/a"), entry("price/b"), orders=now_s - 30, old=now_s - 590)
    save(path, view, time.time() - 20)
    saved = read(path)
    assert saved is not None
    assert 20 <= saved.age_s < 25
    assert {e.key: (e.instance, e.registered_at_ms, e.status) for e in saved.view.entries()} == {
        e.key: (e.instance, 17, "starting") for e in view.entries()
    }
    assert (saved.view.epoch, set(saved.view.known)) == ("", {"orders"})


def test_what_drains_or_has_lapsed_stays_out(tmp_path: Path) -> None:
    path = tmp_path / "view"
    entries = [
        entry("a/drains", draining=True),
        entry("a/lapsed", absent="lapsed"),
        entry("a/lost", absent="lost"),
    ]
    save(path, view_of(*entries), time.time())
    saved = read(path)
    assert saved is not None
    assert [e.key for e in saved.view.entries()] == ["a/lost"]


def test_only_its_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "view"
    for _ in range(2):
        save(path, view_of(entry("price/a")), time.time())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["view"]


def test_lines_are_made_in_short_steps_and_those_of_what_is_as_it_was_are_kept() -> None:
    """Each change wrote all ten thousand instances again, and requests waited 75 ms."""
    lines = ViewLines()
    before = view_of(*(entry(f"price/{number}") for number in range(250)))
    first = at_once(lines.of(before))
    moved = replace(before.services["price"]["price/7"], registered_at_ms=18)
    moved = replace(moved, instance=replace(moved.instance, port=9))
    healthy = replace(before.services["price"]["price/8"], status="unhealthy")
    after = view_of(
        *(one for one in before.entries() if one.key not in ("price/7", "price/8", "price/9")),
        *(moved, healthy),
    )
    steps = lines.of(after)
    assert sum(1 for _ in zip(range(3), steps, strict=False)) == 3
    second = at_once(lines.of(after))
    assert sorted(second) == sorted(at_once(ViewLines().of(after)))
    kept = {id(line) for line in first} & {id(line) for line in second}
    assert len(kept) == 248


def test_no_file_is_no_view(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert read(tmp_path / "view") is None
    assert logs == []


GOOD = f'{{"format": "{FORMAT}", "gone_s": {{}}}}\n'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"hello\n",
        b"[]\n",
        b'{"format": "lockgate-view-0", "gone_s": {}}\n',
        b'{"gone_s": {}}\n',
        GOOD.encode() + b'["price/a", 1, "{}"]\n',
        GOOD.encode() + b'["price/a", 1]\n',
        GOOD.encode() + b'["price/a", 1, "{\\"host\\"',
        GOOD.replace("{}", "[]").encode(),
    ],
)
def test_a_file_that_is_none_of_ours_is_told_of_and_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "view"
    path.write_bytes(content)
    with capture_logs() as logs:
        assert read(path) is None
    assert (logs[-1]["event"], logs[-1]["log_level"]) == ("view.file_ignored", "warning")


_BAD_LINES = [
    b"",
    b"x",
    b"[" * 100_000,
    b'["price/b", 1, "{}"]',
    b'["price/b", 1]',
    b'[1, 1, "{}"]',
    b'["price/b", 1, 7]',
    b'["price/b", 1, "\xff"]',
    *(
        line.replace(b"1,", time + b",", 1)
        for line in [b'["price/b", 1, "{\\"host\\":\\"h\\",\\"port\\":1}"]']
        for time in (b"-1", b"Infinity", b"NaN", b"1e300", b"9" * 5000, b'"x"', b"null")
    ),
]


@pytest.mark.parametrize("line", _BAD_LINES, ids=lambda line: repr(line[:40]))
def test_a_line_that_is_none_of_ours_hides_no_other(tmp_path: Path, line: bytes) -> None:
    """One bad line made the whole file invalid, and a gateway that started with it waited for ever."""
    path = tmp_path / "view"
    save(path, view_of(entry("price/a"), entry("price/c")), time.time())
    head, first, last = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([head, first, line, last]))
    with capture_logs() as logs:
        assert saved_keys(path) == ["price/a", "price/c"]
    assert [(one["event"], one["line"], one["log_level"]) for one in logs] == [
        ("view.line_ignored", 3, "warning")
    ]


def test_a_time_that_is_none_hides_no_other_service(tmp_path: Path) -> None:
    path = tmp_path / "view"
    gone = (
        '"a": 1, "b": NaN, "c": Infinity, "d": -1, "e": "x", "f": null, "g": 1e300, "h": [], "i": 2'
    )
    path.write_text(f'{{"format": "{FORMAT}", "gone_s": {{{gone}}}}}\n')
    saved = read(path)
    assert saved is not None
    assert set(saved.view.known) == {"a", "i"}


def saved_keys(path: Path) -> list[str]:
    saved = read(path)
    return sorted(one.key for one in saved.view.entries()) if saved is not None else []


async def test_a_slow_disk_holds_the_next_change_up_for_a_few_seconds_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a write of one second a change waited for twenty."""
    path = tmp_path / "view"
    monkeypatch.setattr(saved_view, "WRITE_SHARE", 1e-9)  # as if each write took very long
    monkeypatch.setattr(saved_view, "WRITE_PAUSE_MOST_S", 0.05)
    keeper = SavedView(path, lambda: 0.0)
    keeper.view_changed(View(), view_of(entry("price/a")), None)
    task = asyncio.create_task(keeper.run())
    await eventually(lambda: saved_keys(path) == ["price/a"])
    keeper.view_changed(View(), view_of(entry("price/b")), None)
    await eventually(lambda: saved_keys(path) == ["price/b"])
    await end(task)


async def test_the_last_change_is_saved_when_the_gateway_stops(tmp_path: Path) -> None:
    """The change was still waiting, and the next gateway sent requests to a drained instance."""
    path = tmp_path / "view"
    keeper = SavedView(path, lambda: 0.0)
    keeper.view_changed(View(), view_of(entry("price/a"), entry("price/b")), None)
    task = asyncio.create_task(keeper.run())
    await eventually(lambda: saved_keys(path) == ["price/a", "price/b"])
    keeper.view_changed(View(), view_of(entry("price/a"), entry("price/b", draining=True)), None)
    await end(task)
    assert saved_keys(path) == ["price/a"]


async def test_a_file_that_could_not_be_written_is_not_said_to_be_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "view"
    tried: list[float] = []

    def no_space(*_: object) -> None:
        tried.append(path.stat().st_mtime)
        raise OSError(errno.ENOSPC, "no space left")

    save(path, view_of(entry("price/a")), time.time() - 600)
    monkeypatch.setattr(saved_view, "write", no_space)
    monkeypatch.setattr(saved_view, "WRITE_PAUSE_S", 0.0)
    monkeypatch.setattr(saved_view, "CONFIRM_INTERVAL_S", 0.0)
    keeper = SavedView(path, lambda: 0.0)
    keeper.view_changed(View(), View(), None)
    task = asyncio.create_task(keeper.run())
    await eventually(lambda: len(tried) >= 3)
    await end(task)
    assert len(set(tried)) == 1


async def test_a_view_that_does_not_change_is_said_to_be_current_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's time is the registry's last word; otherwise an hour without changes was an hour of age."""
    path, age_s = tmp_path / "view", 500.0
    monkeypatch.setattr(saved_view, "WRITE_PAUSE_S", 0.0)
    monkeypatch.setattr(saved_view, "CONFIRM_INTERVAL_S", 0.01)
    keeper = SavedView(path, lambda: age_s)
    keeper.view_changed(View(), view_of(entry("price/a")), None)
    task = asyncio.create_task(keeper.run())
    await eventually(lambda: path.exists())
    first = path.stat()
    assert 499 < time.time() - first.st_mtime < 560

    age_s = 20.0
    await eventually(lambda: 19 < time.time() - path.stat().st_mtime < 80)
    assert path.stat().st_ino == first.st_ino  # not written again
    await end(task)
    saved = read(path)
    assert saved is not None
    assert 20 <= saved.age_s < 80


def test_a_view_is_on_the_disk_before_it_takes_the_place_of_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power loss the name led to an empty file: the new name was saved, but not the bytes."""
    path, done = tmp_path / "view", []
    fsync, replace_file = os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        done.append(("fsync", os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))
        fsync(descriptor)

    def noting_replace(source: str, target: Path) -> None:
        done.append(("replace", os.stat(source).st_ino, os.stat(source).st_size))
        replace_file(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    save(path, view_of(entry("price/a")), time.time())
    written = (path.stat().st_ino, path.stat().st_size)
    assert done == [("fsync", *written), ("replace", *written)]


async def test_of_several_workers_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_view, "WRITE_PAUSE_S", 0.01)
    said = [False, False, False]

    def writes() -> bool:
        return said.pop() if said else True  # the one that wrote has ended

    keeper = SavedView(tmp_path / "view", lambda: 0.0, writes)
    keeper.view_changed(View(), View(), None)
    running = asyncio.create_task(keeper.run())
    await eventually(lambda: len(said) == 1)
    assert not (tmp_path / "view").exists()
    await eventually((tmp_path / "view").exists)
    await end(running)


async def test_a_worker_that_ends_beside_others_leaves_the_file_to_them(tmp_path: Path) -> None:
    keeper = SavedView(tmp_path / "view", lambda: 0.0, lambda: False)
    running = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    keeper.view_changed(View(), View(), None)
    await end(running)
    assert not (tmp_path / "view").exists()
