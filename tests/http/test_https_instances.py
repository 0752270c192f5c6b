"""Instances that speak TLS: they are proxied, probed, kept and upgraded, and refused for a bad certificate."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from gateway.upstream import tls_terms
from tests.conftest import StartGateway, StartKeepAlive
from tests.http.test_failures import problem_in
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.refusers import Refuser, upload
from tests.support.upstreams import OK, Received, ServedConnection

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b"
HEARTBEAT = {"health.probe": "heartbeat"}
End = Callable[[socket.socket], None]
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
UNFRAMED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"
REPEATS = 25

pytestmark = [
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
    pytest.mark.both_loops,
]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Make the gateway trust this authority as it trusts the system's, by SSL_CERT_FILE."""
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    tls_terms.tls_context.cache_clear()
    yield
    tls_terms.tls_context.cache_clear()


def server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def register(
    gateway: RunningGateway, port: int, name: str = "orders_service", **body: Any
) -> None:
    await gateway.register(name, port, scheme="https", host="localhost", ttl=3600, **body)


def say_the_end(connection: socket.socket) -> None:
    """Send a close_notify and do not wait for the answer."""
    assert isinstance(connection, ssl.SSLSocket)
    connection.settimeout(0)
    with contextlib.suppress(ssl.SSLError):
        connection.unwrap()


@contextlib.contextmanager
def refusing(answer: bytes, end: End, tls: ssl.SSLContext) -> Iterator[Refuser]:
    instance = Refuser(answer, end, tls=tls)
    try:
        yield instance
    finally:
        instance.stop()


async def test_requests_go_to_an_https_instance_over_one_connection(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    """Session tickets come after the handshake; they do not count as unasked bytes."""
    gateway = await start_gateway()
    upstream = await start_keep_alive(tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")

    body = bytes(300_000)
    answers = [await exchange(gateway.port, GET) for _ in range(5)]
    answers += [await exchange(gateway.port, POST % (len(body), body)) for _ in range(5)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"ok")] * 10
    assert [len(connection.requests) for connection in upstream.connections] == [10]
    assert upstream.requests[-1].body == body


async def test_the_host_of_probes_is_not_the_name_that_the_certificate_has_to_have(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    gateway = await start_gateway()
    upstream = await start_keep_alive(tls=server_side(authority, "localhost"))
    metadata = {"health.host": "shop.example"}

    await register(gateway, upstream.port, health_check_url="/health", metadata=metadata)

    assert (await exchange(gateway.port, GET)).status == 200


async def test_a_large_answer_comes_whole(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(2_000_000)
    gateway = await start_gateway()
    upstream = await start_keep_alive(large, tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")

    answers = [await exchange(gateway.port, GET) for _ in range(2)]

    assert [(len(answer.body), answer.complete) for answer in answers] == [(2_000_000, True)] * 2
    assert len(upstream.connections) == 1


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_a_connection_that_was_closed_while_idle_costs_nothing(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    method: bytes,
) -> None:
    gateway = await start_gateway()
    upstream = await start_keep_alive(tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")
    await exchange(gateway.port, GET)
    upstream.connections[0].finish()

    answer = await exchange(gateway.port, GET.replace(b"GET", method))

    assert (answer.status, answer.body) == (200, b"ok")
    assert len(upstream.connections) == 2


async def test_bytes_behind_an_answer_end_the_connection(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    gateway = await start_gateway()
    upstream = await start_keep_alive(OK + OK, tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")

    answers = [await exchange(gateway.port, GET) for _ in range(2)]

    assert [answer.body for answer in answers] == [b"ok", b"ok"]
    assert len(upstream.connections) == 2


@pytest.mark.parametrize(
    ("trusted", "name", "why"),
    [
        (False, "localhost", "unable to get local issuer certificate"),
        (True, "other.example", "Hostname mismatch"),
    ],
    ids=["unknown authority", "another name"],
)
async def test_a_certificate_that_is_wrong_is_unhealthy_and_says_why(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    trusted: bool,
    name: str,
    why: str,
) -> None:
    gateway = await start_gateway(HEALTH_FALL="1")
    tls = server_side(authority if trusted else trustme.CA(), name)
    upstream = await start_keep_alive(tls=tls)
    await register(gateway, upstream.port, health_check_url="/health", routable=False)

    health = gateway.member.health
    await eventually(lambda: health.status("orders_service/i1") == "unhealthy")

    assert why in health.health("orders_service/i1").evidence
    assert upstream.requests == []


async def test_a_request_to_a_wrong_certificate_is_not_sent(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    gateway = await start_gateway()
    upstream = await start_keep_alive(tls=server_side(trustme.CA(), "localhost"))
    await register(gateway, upstream.port, metadata=HEARTBEAT)

    with capture_logs() as logs:
        answer = await exchange(gateway.port, GET)

    assert problem_in(answer) == (502, "upstream_unreachable")
    assert b"certificate" not in answer.body.lower()
    (failed,) = [entry for entry in logs if entry["event"] == "attempt.failed"]
    assert "unable to get local issuer certificate" in failed["detail"]
    assert upstream.requests == []


async def test_an_upgrade_passes_bytes_both_ways(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    async def switch(received: Received, connection: ServedConnection) -> None:
        await connection.send(
            b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nwelcome "
        )
        while data := await received.reader.read(65536):
            await connection.send(data)
            if data.endswith(b"bye"):
                connection.writer.close()

    gateway = await start_gateway()
    upstream = await start_keep_alive(switch, tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")
    async with await RawClient.connect(gateway.port) as client:
        await client.send(
            b"GET /api/orders HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
        )
        answer = await client.answer()
        await client.send(b"\x00\xff bye")
        rest = await asyncio.wait_for(client.reader.read(), 10)

    assert answer.status == 101
    assert rest == b"welcome \x00\xff bye"


@pytest.mark.parametrize("end", [lambda _: None, say_the_end], ids=["reset", "end and reset"])
async def test_the_answer_to_an_upload_is_not_lost_with_its_connection(
    start_gateway: StartGateway, authority: trustme.CA, end: End
) -> None:
    """The event loops' own TLS lost one in three answers, which became a 502 `upstream_reset`."""
    gateway = await start_gateway()
    with refusing(TOO_LARGE, end, server_side(authority, "localhost")) as instance:
        await register(gateway, instance.port, "uploads", metadata=HEARTBEAT)

        answers = [await upload(gateway.port) for _ in range(REPEATS)]

    assert [(answer.status, answer.body) for answer in answers] == [(413, b"too large")] * REPEATS


@pytest.mark.parametrize("end", [lambda _: None, say_the_end], ids=["cut off", "ended"])
async def test_an_answer_until_the_end_is_whole_where_tls_says_the_end(
    start_gateway: StartGateway, authority: trustme.CA, end: End
) -> None:
    """Anybody can forge a FIN (RFC 9112 §9.8)."""
    gateway = await start_gateway()
    with refusing(UNFRAMED, end, server_side(authority, "localhost")) as instance:
        await register(gateway, instance.port, metadata=HEARTBEAT)

        answer = await exchange(gateway.port, GET)

    is_whole = answer.complete and answer.body == b"until the end"
    assert is_whole == (end is say_the_end)


async def test_the_end_of_what_a_client_says_reaches_an_upgraded_instance(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, authority: trustme.CA
) -> None:
    said = asyncio.get_running_loop().create_future()

    async def switch(received: Received, connection: ServedConnection) -> None:
        await connection.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
        said.set_result(await received.reader.read())
        connection.writer.close()

    gateway = await start_gateway()
    upstream = await start_keep_alive(switch, tls=server_side(authority, "localhost"))
    await register(gateway, upstream.port, health_check_url="/health")
    async with await RawClient.connect(gateway.port) as client:
        await client.send(
            b"GET /api/orders HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
        )
        await client.answer()
        await client.send(b"bye")
        client.writer.write_eof()

        assert await asyncio.wait_for(said, 10) == b"bye"
