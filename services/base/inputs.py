"""What a client sends to a service, query parameters and JSON bodies, checked against a model."""

from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from middlewares.failures import BadRequest
from services.base.validation import Input, expectation, first_of, place

InputT = TypeVar("InputT", bound=Input)


def query_of(request: web.Request, model: type[InputT]) -> InputT:
    """The request's query parameters; BadRequest names the one that is wrong, and why."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise BadRequest(f"query parameter {name!r} is given more than once")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _refusal(error, model, "query parameter") from None


async def body_of(request: web.Request, model: type[InputT]) -> InputT:
    """The request's JSON body; BadRequest names the key that is wrong, and why."""
    body = await request.read()
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error, model, "key") from None


def _refusal(error: ValidationError, model: type[Input], noun: str) -> BadRequest:
    finding = first_of(error)
    name = place(finding)
    match finding["type"]:
        case "json_invalid":
            return BadRequest("the body is not valid JSON")
        case "extra_forbidden":
            known = ", ".join(model.model_fields) or "none"
            return BadRequest(f"unknown {noun} {name!r}; known: {known}")
        case "missing":
            return BadRequest(f"{noun} {name!r} is missing")
        case _ if not name:
            return BadRequest("the body must be a JSON object")
        case _:
            return BadRequest(f"{noun} {name!r}: {finding['input']!r} {expectation(finding)}")
