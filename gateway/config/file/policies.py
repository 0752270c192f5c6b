"""Policies: time-outs, CORS, and from where a route may be asked."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from gateway.config.file.hosts import Origin, Source
from gateway.config.file.http_texts import FieldName, Method
from gateway.config.file.numbers import Timeout, duration
from gateway.config.file.parsed import Parsed
from gateway.config.file.sections import Section, Some, Wrong


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    hint = " (yes, no, on and off are text)" if isinstance(value, str) else ""
    raise ValueError(f"must be true or false{hint}")


Flag = Annotated[bool, Parsed(_flag, "true or false", {"type": "boolean"})]


class Timeouts(Section):
    """How long a request may take."""

    switched_off_by_null = frozenset(["connect", "head", "idle", "total"])

    connect_s: Timeout | None = Field(
        default=None,
        alias="connect",
        description="To connect to an instance.",
        examples=["2s"],
        json_schema_extra={"default": "2s"},
    )
    head_s: Timeout | None = Field(
        default=None,
        alias="head",
        description="From the last byte sent to an instance to the head of its answer.",
        examples=["30s"],
        json_schema_extra={"default": "30s"},
    )
    idle_s: Timeout | None = Field(
        default=None,
        alias="idle",
        description="Between two pieces of an answer.",
        examples=["5m"],
        json_schema_extra={"default": "5m"},
    )
    total_s: Timeout | None = Field(
        default=None,
        alias="total",
        description="For the whole exchange, all attempts together; a client shortens it by X-Request-Timeout.",
        examples=["1m"],
        json_schema_extra={"default": 0},
    )


class Cors(Section):
    """Which pages of other origins may ask in a browser."""

    origins: Some[Origin] = Field(
        description='Origins whose pages may ask; "*." takes the place of any number of labels, '
        '"*" alone is every origin.',
        examples=[["https://app.example.com"]],
    )
    methods: Some[Method] = Field(
        default=(),
        description="Methods that they may use; left out: every one.",
        examples=[["GET", "PUT"]],
    )
    headers: Some[FieldName] = Field(
        default=(),
        description="Request headers that they may set; left out: those that they ask for.",
        examples=[["X-Plan"]],
    )
    expose: Some[FieldName] = Field(
        default=(),
        description="Headers of the answer that they may read, beside those that the gateway sets.",
        examples=[["ETag"]],
    )
    max_age_s: Annotated[float, duration("0s", "1d")] = Field(
        default=600.0,
        alias="max_age",
        description="How long browsers keep the answer to a preflight.",
        examples=["10m"],
        json_schema_extra={"default": "10m"},
    )
    credentials: Flag = Field(
        default=False,
        description="Whether cookies and credentials are sent along.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        if "*" not in self.origins:
            return
        if len(self.origins) > 1:
            yield Wrong(("origins",), '"*" is every origin, and stands alone')
        if self.credentials:
            yield Wrong(
                ("credentials",),
                'must be false where origins is ["*"]: any page could act for your users; list them',
            )


class Sources(Section):
    """Addresses that clients come from, seen behind TRUSTED_PROXIES."""

    sources: Some[Source] = Field(
        alias="from",
        description="Addresses and networks, IPv4 or IPv6.",
        examples=[["10.0.0.0/8", "2001:db8::/32"]],
    )
