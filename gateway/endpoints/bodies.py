"""The bodies of the gateway's own endpoints."""

import json
from typing import Any

from aiohttp import web

from gateway.front.client_limits import ClientLimits
from gateway.front.request_body import RequestBody
from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest


async def whole_body(request: web.Request, limits: ClientLimits, max_bytes: int) -> bytes:
    """The body's bytes; a Failure if there are more, or if they come too slowly."""
    body = bytearray()
    async for piece in RequestBody(request, request[EXCHANGE], limits, max_bytes).begin():
        body += piece
    return bytes(body)


async def json_body(
    request: web.Request, limits: ClientLimits, max_bytes: int, *, empty: Any = None
) -> Any:
    """The body's document; BadRequest if it is none. `empty`, if not None, stands for an empty body.

    NaN and infinities pass here: a check of the field can name it.
    """
    body = await whole_body(request, limits, max_bytes)
    if not body and empty is not None:
        return empty
    try:
        return json.loads(body.decode(), object_pairs_hook=_each_once)
    except UnicodeDecodeError:
        raise BadRequest("the body is not valid JSON: it is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"the body is not valid JSON: {error.msg} ({where})") from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise BadRequest("the body is not valid JSON: a number or its depth is too large") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; a key that comes twice is refused."""
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise BadRequest(f"the key {key!r} is given twice")
        members[key] = value
    return members
