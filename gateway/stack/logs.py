"""`make logs`: the logs of all processes of a stack as one stream of JSON lines."""

import json
import os
import select
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from gateway.stack.failures import StackError
from gateway.stack.log_files import FollowedFile
from gateway.stack.log_filter import LogFilter
from gateway.stack.log_lines import as_json_object, rfc3339, service_of, sort_key
from gateway.stack.state import StackState
from middlewares.printable import printable

POLL_S = 0.2


EVERYTHING = LogFilter()

Render = Callable[[dict[str, Any]], str]


def as_json_line(record: dict[str, Any]) -> str:
    return printable(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def print_logs(
    state: StackState,
    out: TextIO,
    *,
    tail: int,
    follow: bool,
    wanted: LogFilter = EVERYTHING,
    render: Render = as_json_line,
) -> None:
    """Ends when `out` is a pipe that nobody reads any more, even while nothing is logged."""
    if not state.logs.is_dir():
        raise StackError(f"no logs in {state.logs} yet: `make up` starts the stack")
    stream = LogStream(state.logs, tail)
    try:
        while True:
            for record in stream.new_records():
                if wanted.keeps(record):
                    out.write(render(record) + "\n")
                    out.flush()
            if not follow or not _wait(out, POLL_S):
                return
    except BrokenPipeError:
        return
    finally:
        stream.close()


class LogStream:
    """All `*.log` of a directory, those that come later too."""

    def __init__(self, directory: Path, tail: int) -> None:
        self._directory = directory
        self._tail = tail
        self._files: dict[str, FollowedFile] = {}

    def new_records(self) -> list[dict[str, Any]]:
        """What was added since the last call, merged by time."""
        records = []
        for path in sorted(self._directory.glob("*.log")):
            if path.stem in self._files:
                written_at = rfc3339(datetime.now(UTC))
            else:
                self._files[path.stem] = FollowedFile(path, self._tail)
                written_at = rfc3339(datetime.fromtimestamp(path.stat().st_mtime, UTC))
            for line in self._files[path.stem].new_lines():
                service = service_of(path.stem)
                record = as_json_object(line, service=service, otherwise_at=written_at)
                # The lines of a traceback belong to the line before them.
                written_at = str(record.get("timestamp", written_at))
                records.append(record)
        return sorted(records, key=sort_key)

    def close(self) -> None:
        for followed in self._files.values():
            followed.close()


def _wait(out: TextIO, seconds: float) -> bool:
    """Sleep; False at once when `out` is a pipe without a reader."""
    try:
        descriptor = out.fileno()
    except OSError:  # not a real file
        time.sleep(seconds)
        return True
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        time.sleep(seconds)
        return True
    poll = select.poll()
    poll.register(descriptor, 0)  # errors are reported unasked
    return not poll.poll(seconds * 1000)
