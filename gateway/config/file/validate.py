"""How requests are held against the OpenAPI document that a service names."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from gateway.config.file.numbers import choice
from gateway.config.file.policies import Flag
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, kind_of

_WORDS = "a mapping with `mode`"


class Validation(Section):
    """What is held against the document of the service, and what becomes of what does not fit."""

    mode: Annotated[str, choice("report", "enforce")] = Field(
        description="report: what does not fit is counted and logged, and passes; enforce: it gets a 400 "
        "`invalid_request`.",
        examples=["enforce"],
    )
    responses: Annotated[str, choice("ignore", "report")] = Field(
        default="ignore",
        description="report: answers are held against the document too, counted and logged; they pass in any case.",
        examples=["report"],
    )
    unknown_paths: Annotated[str, choice("pass", "refuse")] = Field(
        default="pass",
        description="What happens with enforce to a path or method that the document does not have.",
        examples=["refuse"],
    )
    unchecked: Annotated[str, choice("pass", "refuse")] = Field(
        default="pass",
        description="What happens with enforce to a JSON body that can't be checked: larger than 1 MiB, in a "
        "content coding that the gateway can't undo, or nested too deeply for a recursive schema.",
        examples=["refuse"],
    )
    formats: Flag = Field(
        default=False,
        description="Check what `format` says too, such as date-time and uuid; OpenAPI calls it a hint.",
        examples=[True],
    )


Validate = Annotated[
    Annotated[str, choice("report", "enforce", words=_WORDS), Tag(TEXT)]
    | Annotated[Validation, Tag(MAPPING)],
    Discriminator(
        kind_of,
        custom_error_type=AT_VALUE,
        custom_error_message=f"must be report, enforce or {_WORDS}",
    ),
]
