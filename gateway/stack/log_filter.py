"""Which lines of the logs are wanted."""

from dataclasses import dataclass
from typing import Any

from gateway.stack.failures import UsageError

LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a line must be to be shown; None: anything. `level` is the lowest."""

    service: str | None = None
    level: str | None = None
    correlation_id: str | None = None

    def __post_init__(self) -> None:
        if self.level is not None and self.level not in LEVELS:
            raise UsageError(f"--level {self.level}: must be one of {', '.join(LEVELS)}")

    def keeps(self, record: dict[str, Any]) -> bool:
        if self.service is not None and record.get("service") != self.service:
            return False
        if self.correlation_id is not None and record.get("correlation_id") != self.correlation_id:
            return False
        return self.level is None or _rank(record.get("level")) >= LEVELS.index(self.level)


def _rank(level: object) -> int:
    """Unknown levels are shown rather than lost."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
