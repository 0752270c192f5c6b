"""The way `forward`: another service decides."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.file.http_texts import FieldName, SomeText
from gateway.config.file.numbers import choice, duration
from gateway.config.file.sections import Listed, Section


class Forward(Section):
    """A service of yours decides about each request."""

    type: Annotated[Literal["forward"], choice("forward")] = Field(
        description="The type of the way.", examples=["forward"]
    )
    url: SomeText = Field(description="What is asked, by GET.", examples=["http://auth:9000/check"])
    send: Listed[FieldName] = Field(
        default=(),
        description="Headers of the request that it gets.",
        examples=[["Authorization", "Cookie"]],
    )
    take: Listed[FieldName] = Field(
        default=(),
        description="Headers of its answer that the instance gets.",
        examples=[["X-User"]],
    )
    remember_s: Annotated[float, duration("0s", "1h")] = Field(
        default=0.0,
        alias="remember",
        description="How long an admission is remembered.",
        examples=["10s"],
        json_schema_extra={"default": 0},
    )
