"""A tunnel that begins while its client has not read everything before it."""

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
