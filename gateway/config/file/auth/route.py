"""What a route asks for: who it admits, with which scopes and claims."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from gateway.config.file.auth.values import ClaimName, ClaimValue, Scope
from gateway.config.file.http_texts import Name
from gateway.config.file.numbers import choice
from gateway.config.file.policies import Flag
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, Some, kind_of


class Scopes(Section):
    """Scopes that a client must have."""

    at_least_one: ClassVar[tuple[str, ...]] = ("all", "any")

    all: Some[Scope] = Field(
        default=(), description="It must have every one of these.", examples=[["orders:read"]]
    )
    any: Some[Scope] = Field(
        default=(),
        description="It must have one of these at least.",
        examples=[["orders:read", "orders:admin"]],
    )


class Requirement(Section):
    """Whom a route admits."""

    any_of: Some[Name] = Field(
        description="Names of ways below `auth`; whoever one of these admits may call.",
        examples=[["keys", "users"]],
    )
    scopes: Scopes | None = Field(
        default=None,
        description="Scopes that are needed; left out: none.",
        examples=[{"all": ["orders:read"]}],
    )
    claims: Mapping[ClaimName, Some[ClaimValue]] = Field(
        default_factory=dict,
        description="Claims that are needed, each with the values of which it must have one.",
        examples=[{"role": ["admin"]}],
    )
    shadow: Flag = Field(
        default=False,
        description="Whether it is decided and logged only, and nobody is refused.",
        examples=[True],
    )
    pass_credentials: Flag = Field(
        default=False,
        description="Whether the instance gets the fields that the ways read, such as Authorization.",
        examples=[True],
    )


_NAMES = "{any_of: […]} with names of ways below auth"

Auth = Annotated[
    Annotated[Literal["none"], choice("none", words=_NAMES), Tag(TEXT)]
    | Annotated[Requirement, Tag(MAPPING)],
    Discriminator(
        kind_of,
        custom_error_type=AT_VALUE,
        custom_error_message=f"must be none or {_NAMES}",
    ),
]
