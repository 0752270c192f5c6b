"""Which log lines to show."""

from dataclasses import dataclass
from typing import Any

from gateway.stack.failures import UsageError
from middlewares.telemetry.log_levels import LEVELS, in_lower_case

#: Above all known levels.
_UNKNOWN = 100


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a shown line must have; None means anything. `level` is the lowest one."""

    service: str | None = None
    level: str | None = None
    correlation_id: str | None = None

    def __post_init__(self) -> None:
        if self.level is not None and in_lower_case(self.level) not in LEVELS:
            raise UsageError(f"--level {self.level}: must be one of {', '.join(LEVELS)}")

    def may_keep(self, line: str, log: str) -> bool:
        """A quick check of the text: False only for lines whose records would be dropped."""
        if self.correlation_id is not None and self.correlation_id not in line:
            return False
        return self.service is None or self.service in line or log.startswith(self.service)

    def keeps(self, record: dict[str, Any], log: str = "") -> bool:
        """Whether to show a record; `log` names its process, such as `price_service-2`, which counts too."""
        if self.service is not None and self.service not in (record.get("service"), log):
            return False
        if self.correlation_id is not None and record.get("correlation_id") != self.correlation_id:
            return False
        return self.level is None or _rank(record.get("level")) >= _rank(self.level)


def _rank(level: object) -> int:
    """The rank of a level; unknown levels are shown rather than lost."""
    known = (rank for name, rank in LEVELS.items() if name == in_lower_case(level))
    return next(known, _UNKNOWN)
