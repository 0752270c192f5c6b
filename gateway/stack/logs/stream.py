"""`make logs`: the logs of all processes of a stack as one stream of JSON lines."""

import json
import os
import select
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TextIO

from discovery.model.naming import names_meant
from gateway.stack.failures import StackError, UsageError
from gateway.stack.logs.filter import LogFilter
from gateway.stack.logs.lines import service_of, sort_key
from gateway.stack.logs.process_log import ProcessLog, Record
from gateway.stack.running.absence import nothing_runs
from gateway.stack.state import StackState
from middlewares.telemetry.printable import printable

POLL_S = 0.2

EVERYTHING = LogFilter()

Render = Callable[[Record], str]


def as_json_line(record: Record) -> str:
    return printable(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def print_logs(
    state: StackState,
    out: TextIO,
    *,
    tail: int,
    follow: bool,
    wanted: LogFilter = EVERYTHING,
    render: Render = as_json_line,
    report: Callable[[str], None] = lambda text: None,
) -> None:
    """Print the last `tail` matching lines of all logs together, then new ones.

    It ends when nobody reads the pipe `out` any more, even while nothing is logged. UsageError: that
    service has no log; StackError: no line can be found. `report` prints to a person.
    """
    if not state.logs.is_dir():
        raise StackError(f"no logs: {nothing_runs(state, Path.cwd(), takes_data_dir=True)}")
    wanted = replace(wanted, service=_service_meant(wanted.service, state))
    stream = LogStream(state.logs, wanted)
    try:
        records = stream.last_records(tail)
        if wanted.correlation_id is not None and tail and not records:
            _say_that_it_is_nowhere(wanted.correlation_id, state, follow, report)
        while True:
            for record in records:
                out.write(render(record) + "\n")
                out.flush()
            if not follow or not _wait(out, POLL_S):
                return
            records = stream.new_records()
    except BrokenPipeError:
        return
    finally:
        stream.close()


class LogStream:
    """The matching lines of all `*.log` files of a directory, later files included."""

    def __init__(self, directory: Path, wanted: LogFilter) -> None:
        self._directory = directory
        self._wanted = wanted
        self._logs: dict[str, ProcessLog] = {}
        for path in self._paths():
            self._logs[path.stem] = ProcessLog(path, from_end=True)

    def last_records(self, most: int) -> list[Record]:
        """The last records by time that are there already, from any log; call it first."""
        found = [log.last_records(most, self._wanted) for log in self._logs.values()]
        merged = sorted(chain.from_iterable(found), key=sort_key)
        return merged[max(0, len(merged) - most) :]

    def new_records(self) -> list[Record]:
        """The records added since the last call, merged by time."""
        for path in self._paths():
            if path.stem not in self._logs:
                self._logs[path.stem] = ProcessLog(path, from_end=False)
        found = [log.new_records(self._wanted) for log in self._logs.values()]
        return sorted(chain.from_iterable(found), key=sort_key)

    def close(self) -> None:
        for log in self._logs.values():
            log.close()

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob("*.log"))


def _service_meant(name: str | None, state: StackState) -> str | None:
    """The service or process of that name, or the service of that name in a route; else UsageError."""
    if name is None:
        return None
    logs = {path.stem for path in state.logs.glob("*.log")}
    record = state.load_record()
    processes = {process.name for process in record.processes} if record is not None else set()
    services = {service_of(one) for one in logs | processes}
    for meant in (name, *names_meant(name)):
        if meant in services | logs | processes:
            return meant
    there_are = ", ".join(sorted(services)) or "none yet"
    raise UsageError(f"--service {name}: no log here is of that; there are {there_are}")


def _say_that_it_is_nowhere(
    correlation_id: str, state: StackState, follow: bool, report: Callable[[str], None]
) -> None:
    text = f"no line in {state.logs} has the correlation ID {correlation_id}"
    if not follow:
        raise StackError(f"{text}: older lines may have been rotated away")
    report(f"{text} so far; waiting for one")


def _wait(out: TextIO, seconds: float) -> bool:
    """Sleep; return False at once when nobody reads the pipe `out` any more."""
    try:
        descriptor = out.fileno()
    except OSError:  # not a real file
        time.sleep(seconds)
        return True
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        time.sleep(seconds)
        return True
    poll = select.poll()
    poll.register(descriptor, 0)  # poll reports errors without being asked
    return not poll.poll(seconds * 1000)
