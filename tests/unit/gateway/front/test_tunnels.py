"""A tunnel that begins while its client has not read everything before it."""

import asyncio

from aiohttp import web

from gateway.front.tunnel import Tunnel
from tests.support.byte_clients import client_over
from tests.support.byte_connections import ByteTransport


async def test_a_write_buffer_that_is_full_already_holds_the_instance_back() -> None:
    """A transport says only once that it is full, so everything for a stalled client was kept."""
    to_client, to_instance = ByteTransport(), ByteTransport()
    async with client_over(to_client) as client:
        client.pause_writing()
        client.joins(Tunnel(to_client, to_instance))
        held = not to_instance.is_reading()
        client.resume_writing()

        assert held
        assert to_instance.is_reading()


class FullAtOnce(ByteTransport):
    """A transport that has no room after its first write."""

    tunnel: Tunnel

    def write(self, data: bytes | bytearray | memoryview) -> None:
        super().write(data)
        self.tunnel.upstream_paused(True)


async def test_an_instance_that_is_full_of_early_bytes_holds_the_client_back() -> None:
    """The client was held back before for all that it had sent, and that end must not undo the other."""
    to_client, to_instance = ByteTransport(), FullAtOnce()
    asked, over = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await over.wait()
        return web.Response()

    async with client_over(to_client, answer=answer) as client:
        client.data_received(
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
        )
        await asked.wait()
        client.data_received(b"x" * 2**20)
        assert not to_client.is_reading()

        tunnel = to_instance.tunnel = Tunnel(to_client, to_instance)
        client.joins(tunnel)

        assert to_instance.written == b"x" * 2**20
        assert not to_client.is_reading()
        tunnel.upstream_paused(False)
        assert to_client.is_reading()
        over.set()
