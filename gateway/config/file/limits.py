"""Limits: how many requests in a window, how many at once, and budgets by what answers say they cost."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from gateway.config.file.http_texts import FieldName
from gateway.config.file.numbers import StatusRange, choice, duration, whole_number
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import (
    AT_VALUE,
    MAPPING,
    TEXT,
    Section,
    Some,
    Wrong,
    kind_of,
)
from middlewares.costs.deciding import MOST_UNITS, tokens_of


def _pointer(value: object) -> str:
    rule = "must be a JSON pointer, such as /usage/total_tokens"
    text = text_of(value, rule)
    try:
        tokens_of(text)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    return text


Pointer = Annotated[
    str,
    Parsed(_pointer, "JSON pointer", {"type": "string", "pattern": "^(/([^/~]|~[01])*)*$"}),
]


class ByHeader(Section):
    """Counts for each value of a header."""

    header: FieldName = Field(
        description="The header whose value is counted for.", examples=["X-Tenant"]
    )


_BY = ("client", "subject", "service", "route", "everyone")
By = Annotated[
    Annotated[str, choice(*_BY, words="{header: NAME}"), Tag(TEXT)]
    | Annotated[ByHeader, Tag(MAPPING)],
    Discriminator(
        kind_of,
        custom_error_type=AT_VALUE,
        custom_error_message=f"must be {', '.join(_BY)} or {{header: NAME}}",
    ),
]


class Cost(Section):
    """Where an answer says what its request has cost: a number of any unit, rounded up."""

    exactly_one: ClassVar[tuple[str, ...]] = ("response_header", "json", "event_stream")

    response_header: FieldName | None = Field(
        default=None, description="In this header of the answer.", examples=["X-Cost"]
    )
    json_pointer: Pointer | None = Field(
        default=None,
        alias="json",
        description="In its body, a JSON document, where this JSON pointer (RFC 6901) leads.",
        examples=["/usage/total_tokens"],
    )
    event_stream: Pointer | None = Field(
        default=None,
        description="In the last event of an event stream whose data is JSON with a number there; an answer "
        "that is no event stream is read like `json`.",
        examples=["/usage/total_tokens"],
    )


class Limit(Section):
    """At most so many requests in any window of this length, so many at once, or so much cost."""

    exactly_one: ClassVar[tuple[str, ...]] = ("requests", "concurrent", "budget")
    at_most_one: ClassVar[tuple[str, ...]] = ("concurrent", "window")
    needs: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "requests": "window",
        "budget": ("window", "cost"),
        "cost": "budget",
        "reserve": "budget",
        "counts": "requests",
    }

    requests: Annotated[int, whole_number(1, 1_000_000)] | None = Field(
        default=None, description="Requests that are admitted in a window.", examples=[100]
    )
    concurrent: Annotated[int, whole_number(1, 1_000_000)] | None = Field(
        default=None,
        description="Requests that may be in flight at once, in place of requests in a window.",
        examples=[50],
    )
    budget: Annotated[int, whole_number(1, MOST_UNITS)] | None = Field(
        default=None,
        description="What the requests of a window may cost together, in the unit that `cost` has.",
        examples=[100_000],
    )
    window_s: Annotated[float, duration("100ms", "1d")] | None = Field(
        default=None, alias="window", description="The length of the window.", examples=["60s"]
    )
    by: By = Field(
        default="client",
        description="Whose requests are counted together: those of a client, of a subject, to a service, on a "
        "route, all of them, or those with the same value of a header. A request without a subject, or without "
        "the header, is counted by its client.",
        examples=["client"],
    )
    counts: Some[StatusRange] = Field(
        default=(),
        description="Only answers with these statuses count, such as failed log-ins; left out: every request.",
        examples=[[401, 403]],
    )
    cost: Cost | None = Field(
        default=None,
        description="Where an answer says what its request has cost.",
        examples=[{"json": "/usage/total_tokens"}],
    )
    reserve: Annotated[int, whole_number(1, MOST_UNITS)] | None = Field(
        default=None,
        description="What is set aside of the budget for each request until its cost is known, and charged if "
        "the answer does not say it: the most that a request may cost.",
        examples=[4000],
        json_schema_extra={"default": 1},
    )
    shadow: Flag = Field(
        default=False,
        description="Decide and count, in metrics and the log, but never refuse.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.reserve is not None and self.budget is not None and self.reserve > self.budget:
            yield Wrong(
                ("reserve",), f"must be at most the budget, {self.budget:,}: no request would pass"
            )
