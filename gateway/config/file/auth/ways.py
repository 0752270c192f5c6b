"""The ways to authenticate clients, told apart by their `type`."""

from typing import Annotated

from pydantic import Discriminator, Tag, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from gateway.config.file.auth.api_key import ApiKeys
from gateway.config.file.auth.basic import Basic
from gateway.config.file.auth.forward import Forward
from gateway.config.file.auth.jwt import Jwt
from gateway.config.file.auth.mtls import Mtls
from gateway.config.file.auth.oidc import Oidc
from gateway.config.file.sections import AT_VALUE, INSIDE
from gateway.config.file.wording import or_nearest, quoted

Way = ApiKeys | Jwt | Oidc | Basic | Forward | Mtls
_TYPES = ("api_key", "jwt", "oidc", "basic", "forward", "mtls")


def _type_of(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    return f"{INSIDE}{kind}" if kind in _TYPES else None


def _of_known_type(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in _TYPES:
        there = f"; there is {', '.join(_TYPES)}"
        text = f"there is no type {quoted(kind)}{or_nearest(kind, _TYPES, there)}"
        raise PydanticCustomError(AT_VALUE, "{text}", {"text": text})
    return handler(value)


AnyWay = Annotated[
    Annotated[ApiKeys, Tag(f"{INSIDE}api_key")]
    | Annotated[Jwt, Tag(f"{INSIDE}jwt")]
    | Annotated[Oidc, Tag(f"{INSIDE}oidc")]
    | Annotated[Basic, Tag(f"{INSIDE}basic")]
    | Annotated[Forward, Tag(f"{INSIDE}forward")]
    | Annotated[Mtls, Tag(f"{INSIDE}mtls")],
    Discriminator(
        _type_of,
        custom_error_type=AT_VALUE,
        custom_error_message=f"must be a mapping with a type: {', '.join(_TYPES)}",
    ),
    WrapValidator(_of_known_type),
]

#: The types whose clients may have scopes, and those whose clients may have claims.
TYPES_WITH_SCOPES = ("api_key", "jwt", "oidc", "forward")
TYPES_WITH_CLAIMS = ("jwt", "oidc")
