"""A client's connection without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.front.client_room import ClientRoom
from gateway.front.connection import GatewayRequestHandler
from gateway.front.plain_heads import PlainRequests
from gateway.front.refusing import refusing
from gateway.front.server import GatewayServer
from gateway.machine.descriptors import Descriptors
from tests.support.asked import TABLE


async def _nobody(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError("nothing is asked")


@asynccontextmanager
async def client_over(
    transport: asyncio.Transport,
    trusts: Callable[[str], bool] = lambda _peer: False,
    answer: Handler = _nobody,  # type: ignore[assignment]
) -> AsyncIterator[GatewayRequestHandler]:
    """The gateway's end of a connection; `trusts` is PlainRequests', and `answer` answers its requests."""
    server = GatewayServer(
        answer,  # type: ignore[arg-type]
        refuse=refusing(()),
        room=ClientRoom(Descriptors.of_this_process(), TABLE.covers),
        plain=PlainRequests(2**16, trusts),
        max_line_size=2**16,
    )
    handler = server()
    handler.connection_made(transport)
    await asyncio.sleep(0)
    yield handler
    handler.connection_lost(None)
    await server.shutdown()
