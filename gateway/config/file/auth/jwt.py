"""The way `jwt`: signed tokens of an issuer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.config.file.auth.values import ClaimName, ProviderUrl
from gateway.config.file.http_texts import SomeText
from gateway.config.file.numbers import choice, duration
from gateway.config.file.sections import Section, Some


class Jwt(Section):
    """Tokens of an issuer, behind `Authorization: Bearer`."""

    at_most_one: ClassVar[tuple[str, ...]] = ("jwks_url", "jwks_file", "secret_file")

    type: Annotated[Literal["jwt"], choice("jwt")] = Field(
        description="The type of the way.", examples=["jwt"]
    )
    issuer: ProviderUrl = Field(
        description="What `iss` must be.", examples=["https://id.example.com"]
    )
    audience: SomeText = Field(description="What `aud` must name.", examples=["lockgate"])
    jwks_url: ProviderUrl | None = Field(
        default=None,
        description="Where the issuer's keys are; left out, and no file either: its discovery document says it.",
        examples=["https://id.example.com/jwks"],
    )
    jwks_file: SomeText | None = Field(
        default=None, description="A file with the keys, a JWK set.", examples=["keys.json"]
    )
    secret_file: SomeText | None = Field(
        default=None,
        description="A file with the bytes of an HMAC secret.",
        examples=["jwt.secret"],
    )
    algorithms: Some[SomeText] = Field(
        description="Algorithms that are allowed.", examples=[["ES256"]]
    )
    leeway_s: Annotated[float, duration("0s", "5m")] = Field(
        default=30.0,
        alias="leeway",
        description="By how much clocks may differ.",
        examples=["30s"],
        json_schema_extra={"default": "30s"},
    )
    scopes: ClaimName = Field(
        default="scope", description="The claim with the scopes.", examples=["scope"]
    )
    subject: ClaimName = Field(
        default="sub", description="The claim with the subject.", examples=["sub"]
    )
