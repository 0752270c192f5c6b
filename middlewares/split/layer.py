"""The layer that sends a request to its share, sees what becomes of it, and moves it where it can't be answered."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import (
    CircuitOpen,
    Failure,
    NoHealthyInstance,
    UpstreamFailure,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.split.deciding import Chosen
from middlewares.split.splitter import Splitter

_SERVER_ERRORS = 500
_NEVER = float("inf")
#: A request of these methods may be made of an instance although another one may have acted on it.
_SAFE = frozenset(["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"])


def split_middleware(
    *,
    splitter: Splitter,
    is_instances: Callable[[web.StreamResponse], bool],
    now_s: Callable[[], float] = time.monotonic,
) -> Middleware:
    """Choose the share, if nobody has, and tell the split what became of the request.

    `is_instances`: an instance has given the answer, and not this gateway.
    """

    @web.middleware
    def share_out(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        if exchange.route is None or exchange.route.policy.split is None:
            return handler(request)
        splitter.decide(request, exchange)
        if exchange.chosen is None:  # the version that the client has named decides alone
            return handler(request)
        return shared_out(request, handler, exchange)

    async def shared_out(
        request: web.Request, handler: Handler, exchange: Exchange
    ) -> web.StreamResponse:
        sent = exchange.sent_target, exchange.sent_prefix
        before = exchange.changes, exchange.changed_body
        while True:
            chosen = exchange.chosen
            assert chosen is not None
            began_s = now_s()
            try:
                answer = await handler(request)
            except Failure as failure:
                if is_evidence(failure):
                    tell(chosen, failed=True, took_s=now_s() - began_s)
                if not may_move(failure, request, exchange) or not splitter.move(exchange):
                    raise
                exchange.sent_target, exchange.sent_prefix = sent
                exchange.changes, exchange.changed_body = before
                continue
            if is_instances(answer):
                tell(chosen, failed=answer.status >= _SERVER_ERRORS, took_s=now_s() - began_s)
            return answer

    def tell(chosen: Chosen, *, failed: bool, took_s: float) -> None:
        if chosen.counts:
            live = splitter.of(chosen.route.id, chosen.route.policy.split)
            live.add(chosen.place, chosen.identity, failed=failed, took_s=took_s)

    return share_out


def is_evidence(failure: Failure) -> bool:
    """Whether a failure is the instances' own; it is not if the client has left them too little time."""
    if isinstance(failure, UpstreamTimeout):
        return failure.waited_s == _NEVER
    return isinstance(failure, UpstreamFailure | CircuitOpen)


def may_move(failure: Failure, request: web.Request, exchange: Exchange) -> bool:
    """Whether another share may get the request: no instance has acted on it, or it may be made twice."""
    if isinstance(failure, NoHealthyInstance | CircuitOpen | UpstreamUnreachable):
        return True
    if not isinstance(failure, UpstreamReset):
        return False
    return request.method in _SAFE and not exchange.section.has_body
