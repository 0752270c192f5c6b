"""The way `jwt`: signed tokens of an issuer."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from gateway.config.file.auth.values import ClaimName, IssuerName, ProviderUrl, Scope
from gateway.config.file.http_texts import SomeText
from gateway.config.file.named_files import KeysFile, SecretFile, SecretVariable
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, TextWanted, text_of
from gateway.config.file.sections import Listed, Section, Some, Wrong
from gateway.config.file.wording import or_nearest, quoted
from middlewares.auth.ways.jwt.deciding.algorithms import ALGORITHMS, HMAC

if TYPE_CHECKING:  # the cryptography is loaded for a file that needs it
    from middlewares.auth.ways.jwt.deciding.keys import KeySet

_SECRETS = ("secret_file", "secret_env")


def _audiences(value: object) -> tuple[str, ...]:
    rule = "must be text, or a list of texts"
    if isinstance(value, bool | int | float):
        raise TextWanted(rule)
    each = (value,) if isinstance(value, str) else value
    if not isinstance(each, list | tuple) or not all(isinstance(one, str) for one in each):
        raise ValueError(rule)
    if not each or not all(each):
        raise ValueError(f"{rule}, and none of them empty")
    return tuple(each)


def _algorithm(value: object) -> str:
    rule = f"must be {', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}"
    text = text_of(value, rule)
    if text == "none":
        raise ValueError(f"{rule}; without a signature anybody can say who is who")
    if text not in ALGORITHMS:
        raise ValueError(
            f"there is no algorithm {quoted(text)}{or_nearest(text, ALGORITHMS, f'; it {rule}')}"
        )
    return text


_TEXT = {"type": "string", "minLength": 1}
Algorithm = Annotated[str, Parsed(_algorithm, "algorithm", {"enum": list(ALGORITHMS)})]
Audiences = Annotated[
    tuple[str, ...],
    Parsed(
        _audiences,
        "text or list: text",
        {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
    ),
]


def _published(content: bytes) -> "KeySet":
    from middlewares.auth.ways.jwt.deciding.keys import BadKey, key_set

    if content.lstrip().startswith(b"-----BEGIN"):
        raise ValueError('it is PEM, and must be a JWK set: JSON such as {"keys": [KEY, …]}')
    try:
        keys, wrong = key_set(content, secrets=True)
    except BadKey as error:
        raise ValueError(f"the set of keys {error}") from None
    if wrong:
        raise ValueError("; ".join(f"keys[{index}] {why}" for index, why in wrong))
    if not keys.keys:
        raise ValueError("the set of keys is empty")
    return keys


def _secret(content: bytes) -> "KeySet":
    from middlewares.auth.ways.jwt.deciding.keys import BadKey, KeySet, secret_key

    try:
        return KeySet((secret_key(content),))
    except BadKey as error:
        raise ValueError(f"the secret {error}") from None


class Jwt(Section):
    """Tokens of an issuer, behind `Authorization: Bearer`."""

    at_most_one: ClassVar[tuple[str, ...]] = (
        "jwks_url",
        "jwks_file",
        "secret_file",
        "secret_env",
    )
    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {
        "jwks_file": _published,
        "secret_file": _secret,
        "secret_env": _secret,
    }

    type: Annotated[Literal["jwt"], choice("jwt")] = Field(
        description="The type of the way.", examples=["jwt"]
    )
    issuer: IssuerName = Field(
        description="What `iss` must be.", examples=["https://id.example.com"]
    )
    audience: Audiences = Field(
        description="What `aud` must name; of several, one.", examples=["lockgate"]
    )
    jwks_url: ProviderUrl | None = Field(
        default=None,
        description="Where the issuer publishes its keys; left out, and no file either: its discovery document "
        "says where.",
        examples=["https://id.example.com/jwks"],
    )
    jwks_file: KeysFile | None = Field(
        default=None,
        description="A JWK set in a file; with a secret or a private key in it, others must not be able to read it.",
        examples=["keys.json"],
    )
    secret_file: SecretFile | None = Field(
        default=None,
        description="A file with a secret that is shared with the issuer: all of its bytes, 32 at least.",
        examples=["jwt.secret"],
    )
    secret_env: SecretVariable | None = Field(
        default=None,
        description="The variable with such a secret, in place of a file.",
        examples=["JWT_SECRET"],
    )
    algorithms: Some[Algorithm] = Field(
        description=f"Algorithms that a token may be signed with, each of which also has to fit the key: "
        f"{', '.join(ALGORITHMS)}.",
        examples=[["ES256"]],
    )
    leeway_s: Annotated[float, duration("0s", "5m")] = Field(
        default=30.0,
        alias="leeway",
        description="By how much clocks may differ.",
        examples=["30s"],
        json_schema_extra={"default": "30s"},
    )
    typ: Some[SomeText] = Field(
        default=("JWT", "at+jwt"),
        description="What a token may say of its type; it may also say nothing.",
        examples=[["at+jwt"]],
    )
    scopes: ClaimName = Field(
        default="scope",
        description="The claim with the scopes: a text with spaces between them, or a list.",
        examples=["scope"],
    )
    subject: ClaimName = Field(
        default="sub", description="The claim with the subject.", examples=["sub"]
    )
    scopes_supported: Listed[Scope] = Field(
        default=(),
        description="All scopes that there are: a route that asks for another one is a mistake. Left out: any.",
        examples=[["orders:read"]],
    )
    claims_supported: Listed[ClaimName] = Field(
        default=(),
        description="All claims that there are: a route that asks for another one is a mistake. Left out: any.",
        examples=[["role"]],
    )
    remember_s: Annotated[float, duration("0s", "1h", zero="0: not at all")] = Field(
        default=300.0,
        alias="remember",
        description="How long a token that was found valid is not verified again; never beyond its end.",
        examples=["5m"],
        json_schema_extra={"default": "5m"},
    )
    refresh_s: Annotated[float, duration("1s", "1d")] = Field(
        default=300.0,
        alias="refresh",
        description="After which time the keys are fetched again at the latest; after half of the max-age that "
        "the issuer says, if that is sooner.",
        examples=["5m"],
        json_schema_extra={"default": "5m"},
    )
    keys_max_age_s: Annotated[float, duration("1s", "30d")] = Field(
        default=86400.0,
        alias="keys_max_age",
        description="How long keys are good while the issuer does not answer.",
        examples=["1d"],
        json_schema_extra={"default": "1d"},
    )

    def wrong(self) -> Iterable[Wrong]:
        has_secret = any(getattr(self, key) is not None for key in _SECRETS)
        has_document = "://" in self.issuer and "?" not in self.issuer
        if not has_document and not any(getattr(self, key) for key in self.at_most_one):
            yield Wrong(
                ("issuer",),
                "must be an https:// URL without ?, where its discovery document is, or there must be one of "
                f"{', '.join(self.at_most_one)}",
            )
        for index, name in enumerate(self.algorithms):
            if name in HMAC and not has_secret and self.jwks_file is None:
                others = ", ".join(one for one in ALGORITHMS if one not in HMAC)
                yield Wrong(
                    ("algorithms", index), f"{name} needs secret_file; allowed here: {others}"
                )
            if name not in HMAC and has_secret:
                yield Wrong(
                    ("algorithms", index),
                    f"{name} does not go with a secret; allowed here: {', '.join(HMAC)}",
                )
        if has_secret or self.jwks_file is not None:
            for key in ("refresh", "keys_max_age"):
                if f"{key}_s" in self.model_fields_set:
                    yield Wrong((key,), "does nothing: the keys are not fetched", at_key=True)

    def wrong_contents(self, contents: Mapping[str, Any]) -> Iterable[Wrong]:
        for key, keys in contents.items():
            fitting = frozenset[str]().union(*(one.algorithms for one in keys.keys))
            # Others may get their keys later, when the issuer changes them.
            useless = [one for one in self.algorithms if one in HMAC and one not in fitting]
            if fitting.isdisjoint(self.algorithms):
                useless = list(self.algorithms)
            if useless:
                yield Wrong(
                    (key,),
                    f"no key of it is for {', '.join(useless)}; they are for "
                    f"{', '.join(sorted(fitting))}",
                )
