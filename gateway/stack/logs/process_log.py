"""The log of one process as records: the last ones first, then new ones."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.stack.logs.files import FollowedFile
from gateway.stack.logs.filter import LogFilter
from gateway.stack.logs.lines import as_json_object, rfc3339, service_of

Record = dict[str, Any]


class ProcessLog:
    """One log of a stack, with its rotated files."""

    def __init__(self, path: Path, *, from_end: bool) -> None:
        self._name = path.stem
        self._service = service_of(path.stem)
        self._file = FollowedFile(path, from_end=from_end)
        self._last_written = datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def last_records(self, most: int, wanted: LogFilter) -> list[Record]:
        """The last matching records that are there already, in order; call it first."""
        with closing(self._file.earlier_lines()) as lines:
            found = self._backwards(lines, most, wanted) if most else []
        return found[::-1]

    def new_records(self, wanted: LogFilter) -> list[Record]:
        """The matching records that were added since the last call."""
        written_at = rfc3339(datetime.now(UTC))
        records = []
        for line in self._file.new_lines():
            record = as_json_object(line, service=self._service, otherwise_at=written_at)
            written_at = str(record.get("timestamp", written_at))
            if wanted.keeps(record, self._name):
                records.append(record)
        return records

    def close(self) -> None:
        self._file.close()

    def _backwards(self, lines: Iterator[str], most: int, wanted: LogFilter) -> list[Record]:
        found: list[Record] = []
        undated: list[Record] = []
        for line in lines:
            is_candidate = len(found) < most and wanted.may_keep(line, self._name)
            if is_candidate or undated:
                record = as_json_object(line, service=self._service, otherwise_at="")
                if timestamp := record.get("timestamp"):
                    _date(undated, str(timestamp))
                if is_candidate and wanted.keeps(record, self._name):
                    found.append(record)
                    if timestamp == "":
                        undated.append(record)
            if len(found) == most and not undated:
                return found
        _date(undated, rfc3339(self._last_written))
        return found


def _date(undated: list[Record], timestamp: str) -> None:
    """Give the lines of a traceback the time of the line before them."""
    for record in undated:
        record["timestamp"] = timestamp
    undated.clear()
