"""The layer that turns failures into problem documents, and never a second answer into the first."""

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
) -> Middleware:
    """Answer for whatever the inner layers raise; what is unknown is logged and becomes a bare 500.

    `also` are the rows of failures that only the application knows. `detail_of` is what the answer to
    a request says of a failure.
    """
    log = structlog.get_logger()
    table = {**PROBLEMS, **(also or {})}

    @web.middleware
    async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        try:
            return await handler(request)
        except Failure as failure:
            problem = problem_of(failure, table)
            exchange.reason = problem.reason
            detail = detail_of(request, failure)
            response = failure_response(failure, problem, detail, exchange.correlation_id)
        except web.HTTPException as refusal:
            if refusal.status < 400:
                return _as_answer(refusal)
            # The match of the request keeps it, and its frames keep the request.
            refusal.__traceback__ = None
            reason = REASONS_BY_STATUS.get(refusal.status, "bad_request")
            exchange.reason = reason
            allow = refusal.headers.get("Allow")
            detail = _DETAILS.get(refusal.status, refusal.reason)
            if refusal.status == 404:
                detail = detail_of(request, RouteNotFound(detail))
            response = problem_response(
                Problem(refusal.status, reason),
                detail,
                exchange.correlation_id,
                {"Allow": allow} if allow else None,
            )
        except ConnectionError:
            raise  # the client is gone: there is nobody to answer
        except Exception:
            log.exception("request.failed", path=for_the_log(exchange.path))
            exchange.reason = PROBLEMS[Failure].reason
            response = problem_response(
                PROBLEMS[Failure], "an unexpected error occurred", exchange.correlation_id
            )
        if request.writer.output_size > 0:
            # A second status line would land in the first answer's body (RFC 9112 §8).
            abort(request)
        return response

    return answer_failures


def abort(request: web.BaseRequest) -> None:
    """Break the client's connection off, so that a partial answer can't be taken for a whole one.

    By a reset: a FIN is the clean end of a body that nothing else frames (HTTP/1.0).
    """
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _as_answer(redirect: web.HTTPException) -> web.Response:
    """The same as an answer that outer layers can add to, and that is none by being raised."""
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
