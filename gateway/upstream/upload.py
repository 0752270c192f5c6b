"""Sends a request's body to an instance while the gateway already waits for the answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from gateway.upstream.messages import RequestHead
from middlewares.failures import BadRequest, Failure


class Receiver(Protocol):
    """Takes the body: gateway.upstream.connection.UpstreamConnection."""

    @property
    def is_open(self) -> bool: ...

    def write(self, data: bytes) -> None: ...

    async def writable(self) -> None: ...

    def expect_head(self, expected: bool) -> None:
        """Say whether the instance is to blame for silence from now on."""

    def cut_short(self, failure: Failure) -> None:
        """Say that the body will not be complete."""


class Upload:
    """Sends one body in a task of its own, framed as the request's head says."""

    def __init__(self, body: AsyncIterator[bytes], head: RequestHead, to: Receiver) -> None:
        #: Whether all of the body is sent.
        self.is_whole = False
        # The task alone holds the receiver, which holds this: a closed connection has to be let go of.
        self.task = asyncio.create_task(self._send(body, head.length, head.chunked, to))

    async def _send(
        self, body: AsyncIterator[bytes], due: int, chunked: bool, to: Receiver
    ) -> None:
        """Send each piece as it comes; `due` bytes were announced by the head and are not sent yet."""
        try:
            while to.is_open:
                # The instance is not to blame for silence while the gateway waits for the client.
                to.expect_head(False)
                piece = await anext(body, b"")
                to.expect_head(True)
                if not chunked:
                    due -= len(piece)
                if due < 0 or (due and not piece):
                    raise not_as_long()
                if not piece:
                    if chunked:
                        to.write(b"0\r\n\r\n")
                    self.is_whole = True
                    return
                to.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await to.writable()
        except Failure as failure:  # the client's body broke off, or is too large
            to.cut_short(failure)


def not_as_long() -> BadRequest:
    """The failure of a body with the wrong length: the next request would be read as the rest of it."""
    return BadRequest("the request's body is not as long as its head says")
