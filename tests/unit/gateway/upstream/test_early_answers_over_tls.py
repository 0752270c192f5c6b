"""Answers in the middle of an upload over TLS, when a write fails before the loop can read them."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.tls import TlsLayer
from middlewares.failures import UpstreamReset
from tests.unit.gateway.upstream.test_early_answers import (
    MORE_PIECES,
    TOO_LARGE,
    Exchange,
    loops,
    on,
)


async def begin() -> Exchange:
    authority = trustme.CA()
    here, there = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(here)
    authority.issue_cert("localhost").configure_cert(there)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.settimeout(10)
    sock.setblocking(False)
    connection = UpstreamConnection(sock, 64 * 1024)
    layer = TlsLayer(here, "localhost", sock, connection)
    await asyncio.get_running_loop().create_connection(lambda: layer, sock=sock)
    secured, _ = await asyncio.gather(
        asyncio.to_thread(there.wrap_socket, peer, server_side=True), layer.handshake()
    )
    return Exchange(connection, secured)


async def answered(said: bytes) -> tuple[int, bytes]:
    exchange = await begin()

    async def upload() -> AsyncIterator[bytes]:
        yield b"x"
        exchange.peer.sendall(said)
        exchange.peer.close()
        for _ in range(MORE_PIECES):
            yield b"x"

    try:
        return await exchange.answer(upload())
    finally:
        exchange.end()


@loops
def test_an_answer_that_came_before_a_failed_write_is_the_answer(loop: str) -> None:
    assert on(loop, answered(TOO_LARGE)) == (413, b"too large")


@loops
def test_half_an_answer_before_a_failed_write_is_no_answer(loop: str) -> None:
    with pytest.raises(UpstreamReset):
        on(loop, answered(TOO_LARGE[:-3]))
