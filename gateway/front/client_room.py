"""Decides which clients there is room for: when descriptors run out, new ones are refused one by one."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.front.refusing import Refuse, refuse_last
from gateway.machine.descriptors import Descriptors
from middlewares.failures import OutOfResources
from middlewares.request_target import split_target
from middlewares.telemetry.seldom import Seldom

#: A surplus client has this long to send a request once there are others.
ASKS_WITHIN_S = 0.1


class Client(Protocol):
    """One client connection: gateway.front.connection.GatewayRequestHandler."""

    def make_way(self) -> bool: ...


class ClientRoom:
    """Recognises surplus clients, and keeps them from filling the reserve.

    They are accepted rather than left in the listener's queue: a refusal says what is wrong, and a request
    for `/health` is answered. Those without a request make way for the next. `refuses` tells which paths
    they are refused.
    """

    def __init__(self, descriptors: Descriptors, refuses: Callable[[str], bool]) -> None:
        self._descriptors = descriptors
        self._refuses = refuses
        #: The surplus clients, and since when each is here (loop time), the oldest first.
        self._surplus_s: dict[Client, float] = {}
        self._refused = Seldom("client.refused")

    def is_surplus(self, client: Client, transport: asyncio.BaseTransport) -> bool:
        """Whether a new client is surplus; if so it is remembered until it has `left`."""
        sock = transport.get_extra_info("socket")
        if sock is None or sock.fileno() < self._descriptors.clients_below:
            return False
        now_s = asyncio.get_running_loop().time()
        most = self._descriptors.most_refused_at_once
        self._make_room(now_s - ASKS_WITHIN_S, most)
        self._make_room(now_s, 2 * most)
        self._surplus_s[client] = now_s
        if len(self._surplus_s) > 2 * most and sock.fileno() >= self._descriptors.requests_below:
            client.make_way()  # not even a refusal is possible
        return True

    def left(self, client: Client) -> None:
        self._surplus_s.pop(client, None)

    async def answer_last(
        self, request: web.Request, refuse: Refuse, handler: Handler
    ) -> web.StreamResponse:
        """Answer a surplus client for the last time: with a refusal, or for an own path with its answer."""
        if self._refuses(split_target(request.raw_path)[1]):
            self._tell()
            failure = OutOfResources("the gateway has as many clients as it can take")
            return await refuse_last(request, refuse, failure)
        response = await handler(request)
        response.force_close()
        return response

    def _tell(self) -> None:
        self._descriptors.refused += 1
        self._refused.warn(
            detail="the limit of open files is near: raise it (ulimit -n, LimitNOFILE)",
            max_descriptors=self._descriptors.most,
        )

    def _make_room(self, then_s: float, most: int) -> None:
        """End the oldest client that came until `then_s` and sent no request, if the surplus reaches `most`."""
        too_many = len(self._surplus_s) + 1 - most
        for client, since_s in list(self._surplus_s.items()) if too_many > 0 else ():
            if too_many <= 0 or since_s > then_s:
                return
            if client.make_way():
                self.left(client)
                too_many -= 1
