"""The way `oidc`: log-in of people in browsers by OpenID Connect."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from gateway.config.file.auth.values import ClaimName, IssuerUrl, Scope
from gateway.config.file.http_texts import SomeText
from gateway.config.file.named_files import SecretFile, SecretVariable
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Section, Some, Wrong
from middlewares.auth.ways.oidc.deciding.returning import is_safe
from middlewares.auth.ways.oidc.spec import ALGORITHMS, DEFAULT_ALGORITHMS, LEAST_SECRET_BYTES

_OPENID = "openid"
_MOST_SECRETS = 16


def _client_secret(content: bytes) -> str:
    try:
        secret = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None
    if not secret or not secret.isprintable():
        raise ValueError("it must be one line of text that is not empty")
    return secret


def _session_secrets(content: bytes) -> tuple[bytes, ...]:
    secrets = tuple(line.strip() for line in content.split(b"\n") if line.strip())
    if not secrets:
        raise ValueError("it has no secret: `openssl rand -hex 32` makes one")
    if len(secrets) > _MOST_SECRETS:
        raise ValueError(f"it has more than {_MOST_SECRETS} lines, each with a secret")
    for number, secret in enumerate(secrets, 1):
        if len(secret) < LEAST_SECRET_BYTES:
            raise ValueError(
                f"line {number} has less than 256 bits: a line has at least {LEAST_SECRET_BYTES} "
                "characters, as `openssl rand -hex 32` makes them"
            )
    return secrets


def _after_logout(value: object) -> str:
    rule = "must be a path such as /bye, or an https:// URL"
    text = text_of(value, rule)
    if text.startswith("/"):
        if not is_safe(text):
            raise ValueError(f"{rule}; a path has one slash at its beginning")
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(rule) from None
    if parts.scheme != "https" or not host or not text.isascii() or not text.isprintable():
        raise ValueError(rule)
    return text


_Secrets = Mapping[str, Callable[[bytes], Any]]
_Place = Annotated[str, Parsed(_after_logout, "path or URL", {"type": "string", "minLength": 1})]


class Session(Section):
    """The session that a log-in begins."""

    at_most_one: ClassVar[tuple[str, ...]] = ("secret_file", "secret_env")
    reads: ClassVar[_Secrets] = {"secret_file": _session_secrets, "secret_env": _session_secrets}

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
    secret_file: SecretFile | None = Field(
        default=None,
        description="A file with a secret on each line. The first one encrypts sessions, and the others still "
        "decrypt them. Left out, and no variable either: the gateways of a registry share one that they keep in it.",
        examples=["session.secret"],
    )
    secret_env: SecretVariable | None = Field(
        default=None,
        description="A variable with what such a file has.",
        examples=["OIDC_SESSION_SECRET"],
    )


class Oidc(Section):
    """People log in at a provider, and have a session cookie."""

    at_most_one: ClassVar[tuple[str, ...]] = ("client_secret_file", "client_secret_env")
    stand_ins: ClassVar[Mapping[str, Any]] = {
        "type": "oidc",
        "issuer": "https://id.example.com",
        "client_id": "lockgate",
    }
    reads: ClassVar[_Secrets] = {
        "client_secret_file": _client_secret,
        "client_secret_env": _client_secret,
    }

    type: Annotated[Literal["oidc"], choice("oidc")] = Field(
        description="The type of the way.", examples=["oidc"]
    )
    issuer: IssuerUrl = Field(
        description="The provider; its discovery document says where all else of it is.",
        examples=["https://id.example.com"],
    )
    client_id: SomeText = Field(
        description="What the provider knows the gateway by.", examples=["lockgate"]
    )
    client_secret_file: SecretFile | None = Field(
        default=None,
        description="A file with the client's secret. Left out, and no variable either: the client is a public "
        "one, whose log-ins PKCE alone protects.",
        examples=["oidc.secret"],
    )
    client_secret_env: SecretVariable | None = Field(
        default=None, description="A variable with the client's secret.", examples=["OIDC_SECRET"]
    )
    scopes: Some[Scope] = Field(
        default=(_OPENID,),
        description="Scopes that are asked for; many providers give a refresh token for `offline_access` only.",
        examples=[["openid", "email", "offline_access"]],
    )
    algorithms: Some[Annotated[str, choice(*ALGORITHMS)]] = Field(
        default=DEFAULT_ALGORITHMS,
        description="Algorithms that the provider may sign its tokens with.",
        examples=[["ES256"]],
    )
    leeway_s: Annotated[float, duration("0s", "5m")] = Field(
        default=30.0,
        alias="leeway",
        description="By how much its clock may differ.",
        examples=["30s"],
        json_schema_extra={"default": "30s"},
    )
    subject: ClaimName = Field(
        default="sub",
        description="The claim of the ID token with the subject.",
        examples=["email"],
    )
    after_logout: _Place | None = Field(
        default=None,
        description="Where a browser goes once it is logged out, a path on its host or a URL. The provider must "
        "know it as a post_logout_redirect_uri. Left out: the provider's page is the last one.",
        examples=["/bye"],
    )
    session: Session = Field(
        default_factory=Session, description="The session.", examples=[{"lasts": "8h"}]
    )

    def wrong(self) -> Iterable[Wrong]:
        if _OPENID not in self.scopes:
            yield Wrong(("scopes",), f"must have {_OPENID}: without it nobody says who logs in")
