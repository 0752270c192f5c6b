"""The layer that turns failures into problem documents, and never writes a second answer into the first."""

import socket
import struct
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE
from middlewares.failures import Failure, RouteNotFound
from middlewares.header_section import for_the_log
from middlewares.problems import (
    PROBLEMS,
    REASONS_BY_STATUS,
    Problem,
    Problems,
    failure_response,
    problem_of,
    problem_response,
)


def own_words(_request: web.Request, failure: Failure) -> str:
    return failure.detail


def errors_middleware(
    *,
    also: Problems | None = None,
    detail_of: Callable[[web.Request, Failure], str] = own_words,
    finish: Callable[[web.Request, web.StreamResponse], None] | None = None,
) -> Middleware:
    """Answer each failure that the inner layers raise; an unknown exception is logged and becomes a 500.

    `also` are the rows of failures that only the application knows. `detail_of` returns the text with
    which the answer describes a failure. `finish` is called for each answer to a failure.
    """
    log = structlog.get_logger()
    table = {**PROBLEMS, **(also or {})}

    @web.middleware
    async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Failure as failure:
            exchange = request[EXCHANGE]
            problem = problem_of(failure, table)
            exchange.reason = problem.reason
            detail = detail_of(request, failure)
            response = failure_response(failure, problem, detail, exchange.correlation_id)
            for name, value in exchange.error_fields:
                response.headers.add(name, value)
        except web.HTTPException as refusal:
            if refusal.status < 400:
                return _as_answer(refusal)
            # A reference cycle: the request's match keeps the refusal, whose frames keep the request.
            refusal.__traceback__ = None
            reason = REASONS_BY_STATUS.get(refusal.status, "bad_request")
            exchange = request[EXCHANGE]
            exchange.reason = reason
            allow = refusal.headers.get("Allow")
            detail = _DETAILS.get(refusal.status, refusal.reason)
            if refusal.status == 404:
                detail = detail_of(request, RouteNotFound(detail))
            response = problem_response(
                Problem(refusal.status, reason),
                detail,
                exchange.correlation_id,
                [("Allow", allow)] if allow else (),
            )
        except ConnectionError:
            raise  # the client is gone
        except Exception:
            exchange = request[EXCHANGE]
            log.exception("request.failed", path=for_the_log(exchange.path))
            exchange.reason = PROBLEMS[Failure].reason
            response = problem_response(
                PROBLEMS[Failure], "an unexpected error occurred", exchange.correlation_id
            )
        if finish is not None:
            finish(request, response)
        if request.writer.output_size > 0:
            # A second status line would be read as part of the first answer's body (RFC 9112 §8).
            abort(request)
        return response

    return answer_failures


def abort(client: web.BaseRequest | web.RequestHandler) -> None:
    """Reset the client's connection, so that the client can't take a partial answer for a whole one.

    A FIN would be the clean end of a body without a length (HTTP/1.0).
    """
    transport = client.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _as_answer(redirect: web.HTTPException) -> web.Response:
    """Turn a raised redirect into a returned answer, to which outer layers can add fields."""
    return web.Response(
        status=redirect.status,
        reason=redirect.reason,
        headers=redirect.headers,
        body=redirect.body,
    )


_NO_LINGER = struct.pack("ii", 1, 0)
_DETAILS = {
    404: "nothing is found at this path",
    405: "this method is not allowed here",
}
