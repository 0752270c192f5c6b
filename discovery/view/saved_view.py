"""The view on disk, for a gateway that starts while the registry is away."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.logs import Log
from ..base.stepping import in_steps
from ..base.steps import Steps, at_once, slices
from ..model.answers import REMEMBERED_S
from ..model.errors import InvalidRegistration
from ..model.instance import Instance, decode, encode
from ..store.decoding import time_ms
from .view import Entry, Event, View

#: The first line of the file; a file of another format is ignored.
FORMAT = "lockgate-view-1"
WRITE_PAUSE_S = 1.0
#: Writing takes at most this share of the time, so a large view is written less often. A slow disk
#: delays the next change by no more than this.
WRITE_SHARE = 0.05
WRITE_PAUSE_MOST_S = 3.0
#: How often an unchanged view's file is marked as current.
CONFIRM_INTERVAL_S = 10.0

#: What reading a document of another shape can raise.
_NOT_OURS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    InvalidRegistration,
)

_log = Log()


@dataclass(frozen=True, slots=True)
class Saved:
    """A view from a file, and how long ago the registry last said that it is current."""

    view: View
    age_s: float


class SavedView:
    """Keeps a file current while `run` runs; the file's modification time is when it was last current.

    `age_s` is the age of the present view. Draining and removed instances stay out of the file: a
    gateway that starts with it must not send them anything.
    """

    def __init__(
        self, path: Path, age_s: Callable[[], float], writes: Callable[[], bool] = lambda: True
    ) -> None:
        """`writes` says whether this worker of the gateway is the one that writes."""
        self._path = path
        self._writes = writes
        self._age_s = age_s
        self._view: View | None = None
        self._lines = ViewLines()
        self._something = asyncio.Event()

    def view_changed(self, _before: View, after: View, _event: Event | None) -> None:
        """A listener of the watcher."""
        self._view = after
        self._something.set()

    async def run(self) -> None:
        """Write each new view until cancelled, and then the last one; log a failure once.

        Beside others, a worker that ends writes none: its view may be older than theirs.
        """
        try:
            await self._run()
        finally:
            if self._view is not None and self._something.is_set() and self._writes():
                lines = at_once(self._lines.of(self._view))
                with contextlib.suppress(OSError):
                    write(self._path, lines, time.time() - self._age_s())

    async def _run(self) -> None:
        failed = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONFIRM_INTERVAL_S):
                    await self._something.wait()
            if not self._writes():
                await asyncio.sleep(WRITE_PAUSE_S)
                continue
            began_s = time.monotonic()
            try:
                await self._keep()
                failed = False
            except OSError as error:
                if not failed:
                    _log.warning("view.not_saved", path=str(self._path), detail=str(error))
                failed = True
            took_s = time.monotonic() - began_s
            pause_s = max(WRITE_PAUSE_S, took_s / WRITE_SHARE)
            await asyncio.sleep(min(WRITE_PAUSE_MOST_S, pause_s))

    async def _keep(self) -> None:
        current_at_s = time.time() - self._age_s()
        if self._view is not None and self._something.is_set():
            self._something.clear()
            try:
                # The lines are made here, in steps: a thread would compete for the interpreter.
                lines = await in_steps(self._lines.of(self._view))
                await asyncio.to_thread(write, self._path, lines, current_at_s)
            except BaseException:
                self._something.set()  # the file is not this view, so it must not be marked as current
                raise
        elif self._view is not None:
            os.utime(self._path, (current_at_s, current_at_s))


class ViewLines:
    """Makes the lines of a file; an unchanged instance keeps its line."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Instance, str]] = {}

    def of(self, view: View) -> Steps[list[str]]:
        """The lines for this view."""
        now_s = time.monotonic()
        gone = {service: round(now_s - at_s, 3) for service, at_s in view.known.items()}
        header = json.dumps({"format": FORMAT, "gone_s": gone})
        lines: dict[str, tuple[Instance, str]] = {}
        everything = (item for entries in view.services.values() for item in entries.items())
        for some in slices(everything):
            for key, entry in some:
                if entry.draining or entry.absent == "lapsed":
                    continue
                known = self._known.get(key)
                if known is None or known[0] is not entry.instance:
                    line = [key, entry.registered_at_ms, encode(entry.instance)]
                    known = (entry.instance, json.dumps(line))
                lines[key] = known
            yield
        self._known = lines
        return [header, *(line for _, line in lines.values())]


def write(path: Path, lines: Sequence[str], current_at_s: float) -> None:
    """Replace the file in one step, readable by its owner alone; `current_at_s` is Unix time."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.utime(name, (current_at_s, current_at_s))
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path) -> Saved | None:
    """The view of a file, or None where the file is not valid; its instances must still be probed.

    A line that is not valid is left out.
    """
    try:
        age_s = max(0.0, time.time() - path.stat().st_mtime)
        return of_lines(path.read_bytes().splitlines(), age_s, str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("view.file_ignored", path=str(path), detail=str(error))
        return None


def of_lines(all_lines: Sequence[str | bytes], age_s: float, path: str) -> Saved | None:
    """The view that these lines say, or None where they are not valid; `path` says where they are from."""
    try:
        head, *lines = all_lines
        header = json.loads(head)
        _check_format(header["format"])
        gone = {str(service): gone_s for service, gone_s in header["gone_s"].items()}
        entries = list(_entries(path, lines))
        if lines and not entries:
            raise ValueError("no line of it is one of ours")
    except _NOT_OURS as error:
        _log.warning("view.file_ignored", path=path, detail=str(error))
        return None
    services: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        services.setdefault(entry.instance.name, {})[entry.key] = entry
    now_s = time.monotonic()
    known = {
        service: now_s - age_s - gone_s
        for service, gone_s in gone.items()
        if isinstance(gone_s, int | float) and 0 <= gone_s < REMEMBERED_S - age_s
    }
    return Saved(View(services=services, known=known), age_s)


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"its format is {found!r}, not {FORMAT!r}")


def _entries(path: str, lines: Sequence[str | bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=2):
        try:
            key, registered_at_ms, record = json.loads(line)
            yield Entry(decode(key, record), time_ms(registered_at_ms))
        except _NOT_OURS as error:
            _log.warning("view.line_ignored", path=path, line=number, detail=str(error))
