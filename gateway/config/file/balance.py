"""How requests are shared out among the instances of a service."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from gateway.config.file.http_texts import CookieName, FieldName
from gateway.config.file.numbers import choice, duration
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, kind_of

_HASHED = "client, {header: NAME} or {cookie: NAME}"
_WAYS = "p2c, round_robin, least_request, {hash: client}, {hash: {header: NAME}} or {hash: {cookie: NAME}}"


class HashKey(Section):
    """What is hashed."""

    exactly_one: ClassVar[tuple[str, ...]] = ("header", "cookie")

    header: FieldName | None = Field(
        default=None, description="The header whose value is hashed.", examples=["X-User"]
    )
    cookie: CookieName | None = Field(
        default=None, description="The cookie whose value is hashed.", examples=["sid"]
    )


Hashed = Annotated[
    Annotated[
        Literal["client"], choice("client", words="{header: NAME} or {cookie: NAME}"), Tag(TEXT)
    ]
    | Annotated[HashKey, Tag(MAPPING)],
    Discriminator(kind_of, custom_error_type=AT_VALUE, custom_error_message=f"must be {_HASHED}"),
]


class ByHash(Section):
    """All requests with the same key go to one instance."""

    hash: Hashed = Field(
        description="Requests with the same value go to one instance, while it has at most 1.25 times its "
        "share of the requests in flight; those without a value go as by p2c. An instance that comes or goes "
        "moves only its own.",
        examples=[{"header": "X-User"}],
    )


Way = Annotated[
    Annotated[
        Literal["p2c", "round_robin", "least_request"],
        choice("p2c", "round_robin", "least_request", words="{hash: …}"),
        Tag(TEXT),
    ]
    | Annotated[ByHash, Tag(MAPPING)],
    Discriminator(kind_of, custom_error_type=AT_VALUE, custom_error_message=f"must be {_WAYS}"),
]


class Balance(Section):
    """Which instance of the service gets a request; weights count in each way."""

    by: Way = Field(
        default="p2c",
        description="p2c: by requests in flight and latency, the least of five or fewer instances, the "
        "better of two of more; round_robin: in turn; least_request: the one with the fewest in flight.",
        examples=["round_robin"],
    )
    slow_start_s: Annotated[float, duration("0s", "1h", zero="0: at once")] = Field(
        default=0.0,
        alias="slow_start",
        description="How long the weight of an instance that is new or back grows, from a tenth of it.",
        examples=["10s"],
        json_schema_extra={"default": 0},
    )
