"""The way `oidc`: log-in of people in browsers by OpenID Connect."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.file.auth.values import ProviderUrl, Scope
from gateway.config.file.http_texts import SomeText
from gateway.config.file.numbers import choice, duration
from gateway.config.file.sections import Section, Some


class Session(Section):
    """The session that a log-in begins."""

    lasts_s: Annotated[float, duration("1m", "30d")] = Field(
        default=8 * 3600.0,
        alias="lasts",
        description="How long a log-in is good for.",
        examples=["8h"],
        json_schema_extra={"default": "8h"},
    )
    store: Annotated[Literal["cookie", "registry"], choice("cookie", "registry")] = Field(
        default="cookie",
        description="Where it is kept: encrypted in the cookie, or in the registry.",
        examples=["registry"],
    )


class Oidc(Section):
    """People log in at a provider, and have a session cookie."""

    type: Annotated[Literal["oidc"], choice("oidc")] = Field(
        description="The type of the way.", examples=["oidc"]
    )
    issuer: ProviderUrl = Field(description="The provider.", examples=["https://id.example.com"])
    client_id: SomeText = Field(
        description="What the provider knows the gateway by.", examples=["lockgate"]
    )
    client_secret_file: SomeText | None = Field(
        default=None, description="A file with the client's secret.", examples=["oidc.secret"]
    )
    scopes: Some[Scope] = Field(
        default=("openid",), description="Scopes that are asked for.", examples=[["openid"]]
    )
    session: Session = Field(
        default_factory=Session, description="The session.", examples=[{"lasts": "8h"}]
    )
