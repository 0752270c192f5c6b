"""Copies of a route's requests, and how their answers are compared."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from gateway.config.file.http_texts import FieldName, Method, Name, repeated
from gateway.config.file.numbers import duration, size, whole_number
from gateway.config.file.parsed import Parsed, is_number, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import (
    AT_VALUE,
    INSIDE,
    MAPPING,
    TEXT,
    Listed,
    Section,
    Some,
    Wrong,
    kind_of,
    wrong_items,
)
from gateway.config.file.version_range import Range
from middlewares.mirror.deciding.pointers import parse_pattern
from middlewares.mirror.policy import SAFE

_LIST = f"{INSIDE}list"


def _percent(value: object) -> float:
    if is_number(value) and 0 <= value <= 100:
        return float(value)
    raise ValueError("must be a number from 0 to 100: so many percent of the requests")


def _pattern(value: object) -> str:
    text = text_of(value, "must be a JSON pointer such as /items/*/id")
    parse_pattern(text)
    return text


Percent = Annotated[
    float, Parsed(_percent, "0 to 100", {"type": "number", "minimum": 0.0, "maximum": 100.0})
]
Pattern = Annotated[
    str, Parsed(_pattern, "JSON pointer", {"type": "string", "pattern": "^(/([^~/]|~[01])*)+$"})
]


class Compare(Section):
    """What is compared of the two answers, beside their statuses and their time."""

    needs: ClassVar[dict[str, str]] = {"ignore": "json"}

    headers: Listed[FieldName] = Field(
        default=(),
        description="Headers whose values must be the same.",
        examples=[["Content-Type"]],
    )
    json_bodies: Flag = Field(
        default=False,
        alias="json",
        description="Whether JSON bodies are compared, value by value. Bodies of up to 128 KiB are, in any of "
        "the content codings that the gateway reads.",
        examples=[True],
    )
    ignore: Listed[Pattern] = Field(
        default=(),
        description="JSON pointers of what may differ, with all below it; * is any member or element.",
        examples=[["/generated_at", "/items/*/id"]],
    )
    values: Flag = Field(
        default=False,
        description="Whether reports show the values that differ, up to 80 characters of each; else they say of "
        "what kind a value is, since values may be secrets.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        for name in repeated(self.headers):
            index = self.headers.index(name)
            yield Wrong(("headers", index), "the header is there already, in another case")
        if self.ignore and "json_bodies" in self.model_fields_set and not self.json_bodies:
            yield Wrong(("ignore",), "needs json: true", at_key=True)


class ToService(Section):
    """Another service that gets the copies."""

    service: Name = Field(description="Its name.", examples=["price_v3"])


To = Annotated[
    Annotated[Range, Tag(TEXT)] | Annotated[ToService, Tag(MAPPING)],
    Discriminator(
        kind_of,
        custom_error_type=AT_VALUE,
        custom_error_message='must be a range of versions such as ">=3", or {service: NAME}',
    ),
]


class Mirror(Section):
    """Copies of requests to other instances; clients get nothing of their answers."""

    to: To = Field(
        description="Who gets the copies: instances of the route's service whose version is in a range, or another "
        "service.",
        examples=[">=3", {"service": "price_v3"}],
    )
    share: Percent = Field(
        default=100.0,
        description="So many percent of the requests are copied, drawn at random.",
        examples=[10],
        json_schema_extra={"default": 100},
    )
    compare: Compare = Field(
        default_factory=Compare,
        description="What is compared of the two answers; left out: their statuses and their time.",
        examples=[{"headers": ["Content-Type"], "json": True}],
    )
    methods: Some[Method] = Field(
        default=tuple(sorted(SAFE)),
        description="Requests with these methods are copied; one that changes something then changes it twice.",
        examples=[["GET", "POST"]],
        json_schema_extra={"default": [*sorted(SAFE)]},
    )
    credentials: Flag = Field(
        default=False,
        description="Whether copies have Authorization, Cookie, X-API-Key and X-Auth-*; else they are left out.",
        examples=[True],
    )
    timeout_s: Annotated[float, duration("10ms", "10m")] = Field(
        default=10.0,
        alias="timeout",
        description="How long a copy may take, with all of its answer.",
        examples=["5s"],
        json_schema_extra={"default": "10s"},
    )
    in_flight: Annotated[int, whole_number(1, 1000)] = Field(
        default=20,
        description="Most copies that are under way at a time, from this worker; more are dropped and counted.",
        examples=[50],
    )
    body_bytes: Annotated[int, size("0B", "1MiB")] = Field(
        default=64 * 1024,
        alias="body",
        description="A request with a longer body is not copied.",
        examples=["256KiB"],
        json_schema_extra={"default": "64KiB"},
    )


def _kind(value: object) -> str | None:
    if isinstance(value, dict):
        return MAPPING
    return _LIST if isinstance(value, list | tuple) else None


def _distinct(mirrors: tuple[Mirror, ...]) -> tuple[Mirror, ...]:
    """Two mirrors to one place would have one name in logs, metrics and reports."""
    seen: set[str] = set()
    found = []
    for index, mirror in enumerate(mirrors):
        name = name_of(mirror)
        if name in seen:
            found.append(Wrong((index, "to"), "another mirror of the list goes there already"))
        seen.add(name)
    if found:
        raise wrong_items(found)
    return mirrors


def name_of(mirror: Mirror) -> str:
    """What logs, metrics and reports call a mirror."""
    return mirror.to.service if isinstance(mirror.to, ToService) else mirror.to.text


Mirrors = Annotated[
    Annotated[Mirror, Tag(MAPPING)]
    | Annotated[Some[Mirror], AfterValidator(_distinct), Tag(_LIST)],
    Discriminator(
        _kind,
        custom_error_type=AT_VALUE,
        custom_error_message="must be a mapping with the key to, or a list of such",
    ),
]
