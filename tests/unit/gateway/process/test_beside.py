"""Modules that are imported in a thread of low priority, and what is left to the caller."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.process.beside import MODULES, NICE, import_beside

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a module that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


PRIORITY = "import os, threading\nniceness = os.getpriority(0, threading.get_native_id())\n"


@linux_only
def test_imports_have_a_low_priority_and_the_process_keeps_its_own(
    module: Callable[[str, str], None],
) -> None:
    module("imported_beside", PRIORITY)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    import_beside(["imported_beside"], within_s=60)

    assert sys.modules["imported_beside"].niceness == max(before, NICE)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_what_was_not_begun_in_time_is_left_to_the_caller(
    module: Callable[[str, str], None],
) -> None:
    event = threading.Event()
    sys.modules["holds"] = event  # type: ignore[assignment]
    try:
        module("long_one", "import holds\nholds.wait(60)\n")
        module("later_one", "")

        import_beside(["long_one", "later_one"], within_s=0.01)

        event.set()
        _until(lambda: not _importing())
        assert "later_one" not in sys.modules
    finally:
        del sys.modules["holds"]


@pytest.mark.parametrize("text", ["raise ValueError('broken')", "raise SystemExit(3)"])
def test_what_cannot_be_imported_is_left_to_the_caller(
    module: Callable[[str, str], None], text: str
) -> None:
    module("broken_one", text)
    module("after_it", "")

    import_beside(["broken_one", "after_it"])

    assert "broken_one" not in sys.modules
    assert "after_it" not in sys.modules


def test_the_last_one_is_what_serves() -> None:
    assert MODULES[-1] == "gateway.process.serve"


def _importing() -> bool:
    return any(thread.name == "imports" for thread in threading.enumerate())


def _until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.001)
