"""Instances that answer before they are asked: no client gets their answer."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.upstream.connection import UpstreamConnection
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.http.test_failures import problem_in
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import exchange
from tests.support.transports import once_chosen

FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nFORGED"
#: Two answers; the end of the first is in the middle of the second.
UNASKED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx" % (1 + len(FORGED)) + FORGED
HEARTBEAT = {"health.probe": "heartbeat"}

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"

pytestmark = [
    pytest.mark.both_loops,
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
]


class Hasty:
    """An instance that sends something as soon as a connection opens, and records what it gets.

    `listen_to` makes the gateway's connections wait until these bytes have arrived: in the socket or,
    with `read`, in the loop too.
    """

    def __init__(self, listener: socket.socket, said: bytes, *, read: bool) -> None:
        self.port: int = listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self._listener, self._said, self._read = listener, said, read

    def listen_to(self, gateway: RunningGateway) -> None:
        dialer = gateway.gateway.dialer
        connect = dialer.connect

        async def connect_and_hear(instance: Any, protocol: Any, **how: Any) -> Any:
            connection = await connect(instance, protocol, **how)
            if instance.port == self.port:
                here, _ = self._listener.accept()
                self.connections.append(here)
                here.sendall(self._said)
                assert isinstance(connection, UpstreamConnection)
                sock = connection.transport.get_extra_info("socket")
                assert select.select([sock], [], [], 5)[0]
                if self._read:
                    await eventually(lambda: connection._unasked_bytes or not connection.is_open)
            return connection

        dialer.connect = connect_and_hear  # type: ignore[method-assign]

    def heard(self) -> bytes:
        """Wait until each connection has ended; return all that it got."""
        data = b""
        for connection in self.connections:
            connection.settimeout(5)
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    data += piece
        return data


@pytest.fixture(params=[False, True], ids=["in the socket", "in the loop"])
def hasty(request: pytest.FixtureRequest) -> Iterator[Hasty]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        instance = Hasty(listener, UNASKED, read=request.param)
        yield instance
        for connection in instance.connections:
            connection.close()


@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_an_answer_before_the_question_is_the_end_of_its_connection(
    start_gateway: StartGateway, hasty: Hasty, request_bytes: bytes
) -> None:
    """Its rest once followed the next answer, as if the next client had asked for it."""
    gateway = await start_gateway()
    await gateway.register("orders_service", hasty.port, metadata=HEARTBEAT)
    hasty.listen_to(gateway)

    with capture_logs() as logs:
        answer = await exchange(gateway.port, request_bytes)

    assert problem_in(answer) == (502, "upstream_reset")
    assert b"bytes" not in answer.body
    (failed,) = [entry for entry in logs if entry["event"] == "attempt.failed"]
    assert failed["detail"].startswith("it sent ")
    assert failed["detail"].endswith(" bytes before it was asked anything")
    assert await asyncio.to_thread(hasty.heard) == b""


@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_a_request_that_such_an_instance_was_not_sent_goes_to_another(
    start_gateway: StartGateway, start_upstream: StartUpstream, hasty: Hasty, request_bytes: bytes
) -> None:
    gateway, good = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", good.port, "good", health_check_url="/health")
    await gateway.register("orders_service", hasty.port, "hasty", metadata=HEARTBEAT)
    hasty.listen_to(gateway)

    while not hasty.connections:
        answer = await exchange(gateway.port, request_bytes)
        assert (answer.status, answer.body) == (200, b"ok")

    assert good.requests[-1].body == (b"hi" if request_bytes == POST else b"")


async def test_an_answer_before_the_question_is_no_passed_probe(
    start_gateway: StartGateway, hasty: Hasty
) -> None:
    gateway = await start_gateway(HEALTH_FALL="1")
    hasty.listen_to(gateway)
    await gateway.register("orders_service", hasty.port, health_check_url="/health", routable=False)

    health = gateway.member.health
    await eventually(lambda: health.status("orders_service/i1") == "unhealthy")

    evidence = health.health("orders_service/i1").evidence
    assert evidence.startswith("GET /health: the upstream closed the connection (it sent ")


async def test_bytes_between_the_choice_of_an_idle_connection_and_the_request_end_it(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    gateway, upstream = await start_gateway(), await start_keep_alive()
    await gateway.register("orders_service", upstream.port, health_check_url="/health", ttl=3600)
    await exchange(gateway.port, GET)
    pool = gateway.gateway.upstreams._pools["orders_service/i1"]
    (connection,) = await eventually(lambda: pool._idle)
    once_chosen(connection, lambda: connection.data_received(UNASKED))

    answer = await exchange(gateway.port, POST.replace(b"POST", b"PUT"))

    assert (answer.status, answer.body) == (200, b"ok")
    assert [len(connection.requests) for connection in upstream.connections] == [1, 1]
