"""The layer that delivers the unsent answers of the inner layers."""

from contextlib import suppress
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.front.answer import SWITCHING_PROTOCOLS, Answer
from gateway.front.connection import GatewayRequestHandler
from gateway.front.document import Document
from gateway.front.refusing import Refuse
from gateway.front.tunnel import join
from gateway.upstream.connection import UpstreamConnection
from middlewares.bodies import Abandoned, Fanout, Pieces, WhenSlow, pour
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import Failure
from middlewares.problems import problem_of
from middlewares.telemetry.attempts import attempt_failed
from middlewares.telemetry.metrics import Counted


def delivery_middleware(*, tunnels: dict[str, int], refuse: Refuse) -> Middleware:
    """Send the answers of the inner layers; aiohttp itself sends those that are neither an instance's nor long.

    `refuse` answers failures until the head is out; a later failure ends the connection. `tunnels` counts
    the open tunnels by service.
    """

    @web.middleware
    async def deliver(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
            if isinstance(response, Answer):
                if response.others is None and response.source.is_complete():
                    has_room = response.send_whole(request, response.source.rest())
                    exchange = request[EXCHANGE]
                    exchange.bytes_out = response.bytes_out
                    if not has_room:
                        await read_by_client(exchange, response)
                elif response.status == SWITCHING_PROTOCOLS:
                    await tunnel(request, response)
                else:
                    await relay(request, response)
            elif isinstance(response, Document):
                await response.send(request, request[EXCHANGE])
        except ConnectionError:
            raise  # the client is gone
        except Exception as error:  # noqa: BLE001  # the layers know what to make of it
            return await refuse(request, error)
        return response

    async def tunnel(request: web.Request, answer: Answer) -> None:
        """Send the 101, and then pass bytes in both directions until both ends have finished."""
        exchange = request[EXCHANGE]
        await answer.prepare(request)
        client = _client_of(request)
        if client.transport is None:
            raise ConnectionResetError("the client is gone")
        joined = join(client.transport, cast("UpstreamConnection", answer.source))
        client.joins(joined)
        joined.begin()
        exchange.stream = "tunnel"
        assert exchange.route is not None
        exchange.held.append(Counted(tunnels, exchange.route.service))
        try:
            await joined.run()
        finally:
            exchange.bytes_in, exchange.bytes_out = joined.bytes_in, joined.bytes_out
            answer.abandon()

    return deliver


async def read_by_client(exchange: Exchange, answer: Answer) -> None:
    """Wait until the client has read most of a whole answer, or break it off."""
    try:
        await answer.room()
    except Failure as failure:
        _say_broken(exchange, failure)
        answer.broke(failure)


async def relay(request: web.Request, answer: Answer) -> None:
    """Send an answer on as it comes; if it breaks off upstream, it breaks off for the client."""
    exchange, source, client = request[EXCHANGE], answer.source, _client_of(request)
    try:
        if source.is_complete():
            body = source.rest()
            if not answer.send_whole(request, body):
                await read_by_client(exchange, answer)
            if answer.others is not None:
                await _give_whole(body, answer, answer.others)
        else:
            if answer.is_event_stream:
                exchange.stream = "event_stream"
            await answer.prepare(request)
            client.passes_on = answer
            if answer.others is None:
                await pour(source, answer)
            else:
                await _pour_to_all(answer, answer.others)
    except Failure as failure:
        _say_broken(exchange, failure)  # the client notices by the connection's end
        failure.__traceback__ = None  # its frames hold the connection, which holds this failure
    finally:
        client.passes_on = None
        if answer.prepared:
            exchange.bytes_out = answer.bytes_out  # even if the client left in the middle


async def _pour_to_all(answer: Answer, readers: Fanout) -> None:
    """Pass an answer to the client and to the other readers; raise the client's failure."""
    client = readers.add(answer, when_slow=WhenSlow.HOLD)
    with suppress(Abandoned):
        await pour(answer.source, readers)
    if client.why is not None:
        raise client.why


async def _give_whole(body: bytes, answer: Answer, readers: Fanout) -> None:
    """Pass a body to the other readers; the client already has all of it."""
    whole = Pieces(0)
    if body:
        whole.take(body)
    whole.end(answer.source.trailers)
    with suppress(Abandoned):
        await pour(whole, readers)


def _say_broken(exchange: Exchange, failure: Failure) -> None:
    exchange.reason = problem_of(failure).reason
    if exchange.attempts:
        attempt_failed(exchange.attempts[-1], exchange.reason, failure)


def _client_of(request: web.Request) -> GatewayRequestHandler:
    return cast("GatewayRequestHandler", request.protocol)  # GatewayServer makes no other
