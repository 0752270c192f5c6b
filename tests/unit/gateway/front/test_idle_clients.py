"""When a client connection without a request ends, even if its client reads nothing."""

from collections.abc import AsyncIterator

import pytest

from gateway.front.connection import GatewayRequestHandler
from tests.support.byte_clients import client_over
from tests.support.byte_connections import ByteTransport


class UnreadTransport(ByteTransport):
    """A transport with `unsent` bytes, for which a close waits."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent


@pytest.fixture
async def client() -> AsyncIterator[GatewayRequestHandler]:
    async with client_over(UnreadTransport()) as handler:
        yield handler


def unread(client: GatewayRequestHandler, unsent: int) -> None:
    assert isinstance(client.transport, UnreadTransport)
    client.transport.unsent = unsent


def long_idle(client: GatewayRequestHandler) -> UnreadTransport:
    transport = client.transport
    assert isinstance(transport, UnreadTransport)
    client.end_if_idle_since(client._loop.time() + 1)
    return transport


async def test_an_idle_connection_is_closed(client: GatewayRequestHandler) -> None:
    assert long_idle(client).closed


async def test_one_that_still_reads_its_answer_is_left_to_it(
    client: GatewayRequestHandler,
) -> None:
    for unsent in (3000, 2000, 1000):
        unread(client, unsent)
        transport = long_idle(client)
        assert not transport.closed
        assert not transport.aborted


async def test_one_that_reads_nothing_is_broken_off(client: GatewayRequestHandler) -> None:
    """A close would wait for the client without a limit."""
    unread(client, 3000)
    assert not long_idle(client).aborted
    assert long_idle(client).aborted
