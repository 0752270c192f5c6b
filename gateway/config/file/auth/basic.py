"""The way `basic`: user names and passwords."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.file.http_texts import SomeText
from gateway.config.file.numbers import choice
from gateway.config.file.sections import Section


class Basic(Section):
    """User names and passwords by `Authorization: Basic`."""

    type: Annotated[Literal["basic"], choice("basic")] = Field(
        description="The type of the way.", examples=["basic"]
    )
    users_file: SomeText = Field(
        description="An htpasswd file with bcrypt or argon2 lines.", examples=["users.htpasswd"]
    )
