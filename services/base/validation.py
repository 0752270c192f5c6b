"""Validation by pydantic: the parents of all models, and findings as clear sentences."""

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Input(BaseModel):
    """Parent of all models of what clients send; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Input):
    """The query of a resource that takes no parameters."""


class Answer(BaseModel):
    """Parent of all models of other services' answers; unknown names are ignored."""

    model_config = ConfigDict(frozen=True)


def first_of(error: ValidationError) -> ErrorDetails:
    """The first finding, since a person corrects one at a time."""
    return error.errors(include_url=False)[0]


def expectation(finding: ErrorDetails) -> str:
    """What a value should have been, as the end of a sentence: `should be less than 5`."""
    own = finding.get("ctx", {}).get("error")
    if own is not None:
        return str(own)
    message = finding["msg"].removeprefix("Input ")
    return message[:1].lower() + message[1:]


def place(finding: ErrorDetails) -> str:
    """Where the value is, as `name` or `list.0.name`."""
    return ".".join(str(part) for part in finding["loc"])
