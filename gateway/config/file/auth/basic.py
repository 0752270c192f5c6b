"""The way `basic`: user names and passwords."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from gateway.config.file.named_files import PublicFile
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Section
from middlewares.auth.ways.basic.htpasswd import parse_users


def _realm(value: object) -> str:
    rule = "must be one line of printable ASCII, which clients show"
    text = text_of(value, rule)
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError(rule)
    return text


Realm = Annotated[str, Parsed(_realm, "text in ASCII", {"type": "string", "pattern": "^[ -~]+$"})]


class Basic(Section):
    """User names and passwords by `Authorization: Basic`."""

    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {"users_file": parse_users}

    type: Annotated[Literal["basic"], choice("basic")] = Field(
        description="The type of the way.", examples=["basic"]
    )
    users_file: PublicFile = Field(
        description="An htpasswd file with bcrypt or argon2 lines: `htpasswd -B FILE NAME` makes one.",
        examples=["users.htpasswd"],
    )
    realm: Realm = Field(
        default="lockgate",
        description="What clients show when they ask for the password.",
        examples=["back office"],
    )
    remember_s: Annotated[float, duration("0s", "1h", zero="0: not at all")] = Field(
        default=60.0,
        alias="remember",
        description="How long a checked password is remembered, since a check takes long on purpose.",
        examples=["1m"],
        json_schema_extra={"default": "1m"},
    )
