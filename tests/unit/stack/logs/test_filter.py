"""Which lines of the logs a filter selects."""

import pytest

from gateway.stack.failures import UsageError
from gateway.stack.logs.filter import LogFilter

LINE = {"service": "price_service", "level": "warning", "correlation_id": "a"}


def test_without_a_wish_every_line_is_kept() -> None:
    assert LogFilter().keeps(LINE)
    assert LogFilter().keeps({})


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (LogFilter(service="price_service"), True),
        (LogFilter(service="api_gateway"), False),
        (LogFilter(correlation_id="a"), True),
        (LogFilter(correlation_id="b"), False),
        (LogFilter(level="info"), True),
        (LogFilter(level="warning"), True),
        (LogFilter(level="error"), False),
        (LogFilter(level="WARN"), True),
        (LogFilter(level="Error"), False),
        (LogFilter(service="price_service", level="error"), False),
    ],
)
def test_a_line_has_to_meet_every_wish(wanted: LogFilter, kept: bool) -> None:
    assert wanted.keeps(LINE) is kept


def test_a_line_of_a_level_that_is_not_known_is_shown() -> None:
    assert LogFilter(level="critical").keeps({"level": "fatal"})


def test_a_level_of_another_program_is_known_in_any_case() -> None:
    assert not LogFilter(level="warning").keeps({"level": "INFO"})
    assert LogFilter(level="warning").keeps({"level": "WARN"})


def test_a_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="debug, info, warning, error, critical"):
        LogFilter(level="loud")
