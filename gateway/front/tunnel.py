"""A tunnel after a switch of protocols: bytes in both directions, each with backpressure and its own end."""

import asyncio
import contextlib

from gateway.front.tunnel_ends import ClientEnd, InstanceEnd
from gateway.upstream.connection import UpstreamConnection

#: Once one end has finished sending, the other has this long to finish too.
HALF_CLOSED_FOR_S = 60.0


class Tunnel:
    """Joins a client's and an instance's connection, whose protocols tell it everything but the bytes.

    Backpressure: while one end's write buffer is full, nothing is read from the other. A FIN is passed
    on as a FIN; the tunnel is over when both ends have finished or one is lost.
    """

    def __init__(self, client: asyncio.Transport, upstream: asyncio.Transport) -> None:
        self._client = client
        self._upstream = upstream
        self._client_end = ClientEnd(client, upstream)
        self._instance_end = InstanceEnd(upstream, client)
        self._client_end.other = self._instance_end
        self._instance_end.other = self._client_end
        self._finished: set[asyncio.Transport] = set()
        self._ending = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def bytes_in(self) -> int:
        """Bytes that the client has sent."""
        return self._client_end.size

    @property
    def bytes_out(self) -> int:
        """Bytes that the instance has sent."""
        return self._instance_end.size

    def begin(self) -> None:
        """Read both connections from here on; what came before has been passed on."""
        self._client.set_protocol(self._client_end)
        self._upstream.set_protocol(self._instance_end)

    async def run(self) -> None:
        """Wait until it is over and close both ends; unsent bytes go out first."""
        try:
            await self._ending.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HALF_CLOSED_FOR_S):
                    await self._over.wait()
        finally:
            self._client.close()
            self._upstream.close()

    def end(self) -> None:
        """End it now; bytes that have come go out before the FIN."""
        self._ending.set()
        self._over.set()

    # What the client's protocol calls.

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes that came with the request; aiohttp's interface of a payload parser."""
        self._client_end.data_received(data)
        return False, b""

    def feed_eof(self) -> None:
        """Note that the client's connection is gone."""
        self.end()

    def client_finished(self) -> None:
        """Note that the client sends no more."""
        self._finish(self._client, self._upstream)

    def client_paused(self, paused: bool) -> None:
        """Note whether the client's write buffer is full."""
        _hold(self._upstream, paused)

    # What the instance's protocol calls.

    def upstream_data(self, data: bytes | memoryview) -> None:
        """Take bytes that came with the 101, or that were left when the connection broke."""
        self._instance_end.data_received(data)

    def upstream_finished(self) -> None:
        self._finish(self._upstream, self._client)

    def upstream_paused(self, paused: bool) -> None:
        _hold(self._client, paused)

    def upstream_lost(self) -> None:
        self.end()

    def _finish(self, sender: asyncio.Transport, receiver: asyncio.Transport) -> None:
        self._finished.add(sender)
        if len(self._finished) == 2:
            self.end()
            return
        self._ending.set()
        if receiver.can_write_eof() and not receiver.is_closing():
            receiver.write_eof()


def _hold(transport: asyncio.Transport, held: bool) -> None:
    if transport.is_closing():
        return
    if held:
        transport.pause_reading()
    else:
        transport.resume_reading()


def join(client: asyncio.Transport, connection: UpstreamConnection) -> Tunnel:
    """Make the tunnel between a client and an instance that has just switched protocols."""
    tunnel = Tunnel(client, connection.transport)
    connection.hand_over(tunnel)
    return tunnel
