"""When a request to a service is repeated."""

from typing import Annotated

from pydantic import Field

from gateway.config.file.numbers import Share, Timeout, whole_number
from gateway.config.file.parsed import Parsed
from gateway.config.file.sections import Section, Some
from middlewares.routing.policy import CONNECT, RESET, TIMEOUT
from middlewares.routing.policy import Cause as CauseOfRepeat

_WORDS = (CONNECT, RESET, TIMEOUT)
_RULE = f"must be {', '.join(_WORDS)} or a status from 400 to 599"


def _cause(value: object) -> CauseOfRepeat:
    if isinstance(value, str) and value in _WORDS:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return value
    raise ValueError(_RULE)


Cause = Annotated[
    CauseOfRepeat,
    Parsed(
        _cause,
        f"{', '.join(_WORDS)} or a status from 400 to 599",
        {"anyOf": [{"enum": list(_WORDS)}, {"type": "integer", "minimum": 400, "maximum": 599}]},
    ),
]


class Retries(Section):
    """When a request is tried again, and how often; `{}` takes every default."""

    attempts: Annotated[int, whole_number(1, 10)] = Field(
        default=3, description="Attempts of a request, the first one included.", examples=[3]
    )
    on: Some[Cause] = Field(
        default=(CONNECT, RESET, 502, 503),
        description="What is tried again: a failed connect for any request; the end of the connection "
        "before an answer, no answer in time, and these statuses only for idempotent methods and "
        "requests with Idempotency-Key, while their body is kept (64 KiB).",
        examples=[["connect", "reset", 502, 503]],
        json_schema_extra={"default": ["connect", "reset", 502, 503]},
    )
    per_try_s: Timeout = Field(
        default=0.0,
        alias="per_try",
        description="Longest time of an attempt to connect, and then to the head of the answer, where "
        "timeouts would allow more; 0: only they hold.",
        examples=["2s"],
        json_schema_extra={"default": 0},
    )
    budget: Share = Field(
        default=0.2,
        description="Repeats are at most this share of the service's requests over 10 s, from this "
        "worker; 3 a second are always allowed.",
        examples=[0.2],
    )
