"""The way `api_key`: keys that are kept in the registry."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.file.numbers import choice
from gateway.config.file.sections import Section


class ApiKeys(Section):
    """Keys that `lockgate keys` makes, in X-API-Key or behind `Authorization: Bearer`."""

    type: Annotated[Literal["api_key"], choice("api_key")] = Field(
        description="The type of the way.", examples=["api_key"]
    )
