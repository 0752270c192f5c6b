"""Which instances of a service are ejected for what they answer, and when all of it gets a pause."""

from typing import Annotated

from pydantic import Field

from gateway.config.file.numbers import Share, duration, whole_number
from gateway.config.file.parsed import Parsed, is_number
from gateway.config.file.sections import Section

#: No answer could be late by less than its double.
_LEAST_TIMES, _MOST_TIMES = 2, 1000


def _times(value: object) -> float:
    if is_number(value) and (value == 0 or _LEAST_TIMES <= value <= _MOST_TIMES):
        return float(value)
    raise ValueError(f"must be a number from {_LEAST_TIMES} to {_MOST_TIMES:,}; 0: off")


Times = Annotated[
    float,
    Parsed(
        _times,
        f"{_LEAST_TIMES} to {_MOST_TIMES:,}; 0: off",
        {
            "anyOf": [
                {"type": "number", "minimum": _LEAST_TIMES, "maximum": _MOST_TIMES},
                {"const": 0},
            ]
        },
    ),
]


class Outliers(Section):
    """When an instance gets no requests for a while because of what it answers; `{}` takes every default."""

    failures: Annotated[int, whole_number(0, 1000)] = Field(
        default=5,
        description="Failures in a row that eject an instance: 500, 502, 503, 504, a reset, no answer in "
        "time, a failed connect; 0: off.",
        examples=[5],
    )
    rate: Share = Field(
        default=0.5,
        description="The share of failures among its requests of the last 10 s, 20 at least, that ejects "
        "an instance; 0: off.",
        examples=[0.5],
    )
    latency: Times = Field(
        default=5.0,
        description="How many times as late as those of its siblings, and by 0.1 s at least, its typical "
        "answers of the last 10 s must be, 5 at least, to eject an instance; 0: off.",
        examples=[5],
    )
    eject_s: Annotated[float, duration("100ms", "5m")] = Field(
        default=5.0,
        alias="eject",
        description="How long an instance is out, times the number of its ejections in a row, 5m at most; "
        "then a few trial requests decide.",
        examples=["5s"],
        json_schema_extra={"default": "5s"},
    )
    most: Share = Field(
        default=0.5,
        description="At most this share of the instances is out at a time; one of two or more may be, and "
        "never all.",
        examples=[0.5],
    )


class Breaker(Section):
    """When a service as a whole gets no requests for a while; `{}` takes every default."""

    open_for_s: Annotated[float, duration("100ms", "1m")] = Field(
        default=5.0,
        alias="open_for",
        description="How long requests are answered 503 circuit_open once the service fails as a whole; "
        "twice as long each time that trial requests fail, 1m at most.",
        examples=["5s"],
        json_schema_extra={"default": "5s"},
    )
