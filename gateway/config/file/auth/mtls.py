"""The way `mtls`: certificates of clients."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.file.http_texts import SomeText
from gateway.config.file.numbers import choice
from gateway.config.file.sections import Section


class Mtls(Section):
    """Clients show a certificate when they connect."""

    type: Annotated[Literal["mtls"], choice("mtls")] = Field(
        description="The type of the way.", examples=["mtls"]
    )
    ca_file: SomeText = Field(
        description="Authorities whose certificates are admitted.", examples=["clients-ca.pem"]
    )
