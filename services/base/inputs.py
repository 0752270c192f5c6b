"""Checks what a client sends, query parameters and JSON bodies, against a model."""

from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from middlewares.failures import BadRequest, BodyTooLarge
from services.base.validation import Input, expectation, first_of, place

InputT = TypeVar("InputT", bound=Input)

#: How many characters of a bad value a refusal repeats.
LONGEST_SHOWN = 100


def query_of(request: web.Request, model: type[InputT]) -> InputT:
    """The request's query parameters; BadRequest names the bad one, and why."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise BadRequest(f"query parameter {name!r} is given more than once")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _refusal(error, model, "query parameter") from None


async def body_of(
    request: web.Request, model: type[InputT], *, at_most: int | None = None
) -> InputT:
    """The request's JSON body; BadRequest names the bad key, and why.

    Raises BodyTooLarge where the body has more than `at_most` bytes.
    """
    body = await request.read()
    if at_most is not None and len(body) > at_most:
        raise BodyTooLarge(f"the body has more than {at_most} bytes")
    return parsed(body, model, "body")


def parsed(text: str | bytes, model: type[InputT], whole: str) -> InputT:
    """Parse a client's JSON; `whole` is the name of all of it in BadRequest's message."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise _refusal(error, model, "key", whole) from None


def _refusal(
    error: ValidationError, model: type[Input], noun: str, whole: str = "query"
) -> BadRequest:
    finding = first_of(error)
    name = place(finding)
    match finding["type"]:
        case "json_invalid":
            return BadRequest(f"the {whole} is not valid JSON")
        case "extra_forbidden":
            known = ", ".join(model.model_fields) or "none"
            return BadRequest(f"unknown {noun} {name!r}; known: {known}")
        case "missing":
            return BadRequest(f"{noun} {name!r} is missing")
        case _ if not name:
            return BadRequest(f"the {whole} must be a JSON object")
        case _:
            return BadRequest(f"{noun} {name!r}: {_shown(finding['input'])} {expectation(finding)}")


def _shown(value: object) -> str:
    """As much of the value as a person needs to recognize it."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
