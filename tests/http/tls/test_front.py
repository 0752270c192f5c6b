"""The public port speaks TLS: what passes over it, and what is answered to those who speak something else."""

import asyncio
import contextlib
import json
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from gateway.front.tls import handshakes
from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.support.certificates import issue
from tests.support.client_hellos import hello, records
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import free_port
from tests.support.upstreams import OK

NAME = "shop.example"
GET = b"GET /api/orders HTTP/1.1\r\nHost: shop.example\r\n\r\n"
STATUS = b"GET /status HTTP/1.1\r\nHost: shop.example\r\n\r\n"

pytestmark = [
    pytest.mark.usefixtures("nothing_fails_behind_the_scenes"),
    pytest.mark.both_loops,
]


async def test_requests_pass_one_after_the_other(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
) -> None:
    upstream = await start_keep_alive()
    gateway = await start_gateway(**variables)
    await gateway.register("orders_service", upstream.port)

    async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as client:
        for _ in range(3):
            await client.send(GET)
            assert (await client.answer()).status == 200
        tls = client.writer.get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.3"
        assert tls.compression() is None


async def test_instance_and_status_know_the_scheme(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
) -> None:
    upstream = await start_upstream(OK)
    gateway = await start_gateway(**variables)
    await gateway.register("orders_service", upstream.port)

    await exchange(gateway.port, GET, tls=trusting, server_name=NAME)

    assert b"X-Forwarded-Proto: https\r\n" in upstream.requests[-1].head
    assert gateway.member.url == f"https://localhost:{gateway.port}"
    said = (await gateway.get("/status")).json()["tls"]
    assert [one["names"] for one in said["certificates"]] == [[NAME]]
    assert said["handshakes"]["full"] >= 1
    metrics = (await gateway.get("/metrics")).body.decode()
    assert 'gateway_tls_handshakes_total{result="full"}' in metrics


async def test_large_bodies_pass_in_both_directions(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
) -> None:
    size = 3_000_000
    upstream = await start_upstream(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size
    )
    gateway = await start_gateway(**variables)
    await gateway.register("orders_service", upstream.port)
    head = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size

    answer = await exchange(gateway.port, head + b"x" * size, tls=trusting, server_name=NAME)

    assert (answer.status, len(answer.body), answer.complete) == (200, size, True)
    assert len(upstream.requests[-1].body) == size


@pytest.mark.parametrize("request_line", [b"GET /a HTTP/1.1", b"POST /a HTTP/1.1"])
async def test_plain_http_is_told_to_use_https(
    start_gateway: StartGateway, variables: dict[str, str], request_line: bytes
) -> None:
    gateway = await start_gateway(**variables)
    body = b"x" * 100_000
    request = request_line + b"\r\nHost: shop.example:1234\r\nContent-Length: 100000\r\n\r\n" + body

    async with await RawClient.connect(gateway.port) as client:
        await client.send(request)
        answer = await client.answer()
        assert await client.closed()

    assert answer.status == 400
    assert answer.values(b"connection") == [b"close"]
    problem = json.loads(answer.body)
    assert problem["reason"] == "bad_request"
    assert "use https://shop.example:1234" in problem["detail"]
    assert (await gateway.get("/status")).json()["tls"]["handshakes"]["plain_http"] == 1


async def test_what_is_neither_is_ended_and_counted(
    start_gateway: StartGateway, variables: dict[str, str]
) -> None:
    gateway = await start_gateway(**variables)
    with capture_logs() as logs:
        async with await RawClient.connect(gateway.port) as client:
            await client.send(b"\x00\x01\x02 nonsense")
            assert await client.closed()
    assert [one["why"] for one in logs if one["event"] == "tls.handshake_failed"] == [
        "the client does not speak TLS"
    ]
    assert (await gateway.get("/status")).json()["tls"]["handshakes"]["failed"] == 1


async def test_handshake_before_the_first_certificate_of_acme_says_why_it_fails(
    start_gateway: StartGateway, trusting: ssl.SSLContext
) -> None:
    nobody = f"https://127.0.0.1:{free_port()}/directory"
    gateway = await start_gateway(ACME_DOMAINS=NAME, ACME_DIRECTORY=nobody, ACME_HTTP_PORT="0")
    with capture_logs() as logs, pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        await exchange(gateway.port, STATUS, tls=trusting, server_name=NAME)
    failed = [one["why"] for one in logs if one["event"] == "tls.handshake_failed"]
    assert failed == ["there is no certificate yet"]


async def test_old_version_is_refused_and_logged_once(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    trusting.set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(ssl.SSLError):
                await RawClient.connect(gateway.port, tls=trusting, server_name=NAME)
    failed = [one for one in logs if one["event"] == "tls.handshake_failed"]
    assert [one["why"] for one in failed] == ["no shared cipher"]
    assert (await gateway.get("/status")).json()["tls"]["handshakes"]["failed"] == 3


async def test_client_that_never_finishes_is_ended(
    start_gateway: StartGateway,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshakes, "WITHIN_S", 0.05)
    gateway = await start_gateway(**variables)
    async with (
        await RawClient.connect(gateway.port) as silent,
        await RawClient.connect(gateway.port) as half,
    ):
        await half.send(b"\x16\x03\x01")
        assert await silent.closed()
        assert await half.closed()
    assert gateway.gateway.tls is not None
    assert gateway.gateway.tls.handshakes.ended["timed_out"] == 2
    assert gateway.gateway.tls.handshakes.under_way == 0


async def test_of_too_many_handshakes_the_oldest_ends(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    assert gateway.gateway.tls is not None
    under_way = gateway.gateway.tls.handshakes
    under_way._most = 2
    silent = []
    for number in range(2):
        silent.append(await RawClient.connect(gateway.port))
        await eventually(lambda number=number: under_way.under_way == number + 1)

    answer = await exchange(gateway.port, STATUS, tls=trusting, server_name=NAME)

    assert answer.status == 200
    assert await silent[0].closed()
    assert under_way.ended["crowded_out"] == 1
    for one in silent:
        await one.close()


async def test_pipelined_requests_are_answered_in_order(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as client:
        await client.send(STATUS + STATUS.replace(b"/status", b"/nothing"))
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 404


async def test_session_is_resumed(
    start_gateway: StartGateway, variables: dict[str, str], trusting: ssl.SSLContext
) -> None:
    gateway = await start_gateway(**variables)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusting.minimum_version = trusting.maximum_version = version

        def twice() -> list[bool]:
            session, reused = None, []
            for _ in range(2):
                with (
                    # Without a limit of its own the thread would outlive a test whose time is up.
                    socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
                    trusting.wrap_socket(plain, server_hostname=NAME, session=session) as tls,
                ):
                    tls.sendall(STATUS)
                    tls.recv(65536)
                    session = tls.session
                    reused.append(bool(tls.session_reused))
            return reused

        assert await asyncio.to_thread(twice) == [False, True]
    assert gateway.gateway.tls is not None
    assert gateway.gateway.tls.handshakes.ended["resumed"] == 2


@pytest.mark.parametrize("shows", [True, False])
async def test_certificate_of_clients_is_required(
    start_gateway: StartGateway,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    shows: bool,
) -> None:
    clients = trustme.CA(key_type=trustme.KeyType.ECDSA)
    file = tmp_path / "clients-ca.pem"
    # A comment in another language, as bundles of authorities have.
    file.write_bytes("# Főtanúsítvány\n".encode() + clients.cert_pem.bytes())
    gateway = await start_gateway(**variables, TLS_CLIENT_CA_FILE=str(file))
    (clients if shows else authority).issue_cert("me@example.com").configure_cert(trusting)

    if shows:
        answer = await exchange(gateway.port, STATUS, tls=trusting, server_name=NAME)
        assert answer.status == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await exchange(gateway.port, STATUS, tls=trusting, server_name=NAME)
        tls = gateway.gateway.tls
        assert tls is not None
        await eventually(lambda: tls.handshakes.ended["failed"] == 1)


async def test_names_have_their_own_certificates(
    start_gateway: StartGateway, trusting: ssl.SSLContext, authority: trustme.CA, tmp_path: Path
) -> None:
    for name, host in (("a", "a.example"), ("b", "*.b.example")):
        issue(authority, host).write(tmp_path, name)
    file = tmp_path / "lockgate.yaml"
    file.write_text(
        "tls:\n  certificates:\n"
        "    - {certificate_file: a.pem, key_file: a.key}\n"
        "    - {certificate_file: b.pem, key_file: b.key}\n"
    )
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    for host in ("a.example", "x.b.example"):  # the client checks the name
        answer = await exchange(gateway.port, STATUS, tls=trusting, server_name=host)
        assert answer.status == 200
    with pytest.raises(ssl.SSLCertVerificationError, match=r"c\.example"):
        await exchange(gateway.port, STATUS, tls=trusting, server_name="c.example")


@pytest.mark.parametrize("pieces", [1, 2, 40])
async def test_server_name_that_is_not_ascii_is_refused_in_any_number_of_pieces(
    start_gateway: StartGateway, variables: dict[str, str], pieces: int
) -> None:
    gateway = await start_gateway(**variables)
    content = hello("sh0p.example").replace(b"sh0p", b"sh\xf6p")[5:]
    size = -(-len(content) // pieces)
    parts = [content[at : at + size] for at in range(0, len(content), size)]

    with capture_logs() as logs:
        async with await RawClient.connect(gateway.port) as client:
            await client.send(b"".join(records(parts)))
            assert await client.reader.read() == b""

    failed = [one["why"] for one in logs if one["event"] == "tls.handshake_failed"]
    assert failed == ["the server name is not valid"]


async def test_first_message_that_is_too_long_is_refused(
    start_gateway: StartGateway, variables: dict[str, str]
) -> None:
    gateway = await start_gateway(**variables)
    message = b"\x01\x01\xff\xff" + bytes(3 * 16000)

    async with await RawClient.connect(gateway.port) as client:
        parts = [message[at : at + 16000] for at in range(0, len(message), 16000)]
        await client.send(b"".join(records(parts)))
        with contextlib.suppress(ConnectionResetError):
            assert await client.reader.read() == b""

    tls = gateway.gateway.tls
    assert tls is not None
    await eventually(lambda: tls.handshakes_ended()["failed"] == 1)


async def test_connection_that_proves_a_domain_carries_no_request(
    start_gateway: StartGateway,
    variables: dict[str, str],
    authority: trustme.CA,
    trusting: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    """It is asked for no certificate, so that a request would get past TLS_CLIENT_CA_FILE."""
    file = tmp_path / "clients-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    gateway = await start_gateway(**variables, TLS_CLIENT_CA_FILE=str(file))
    proof = issue(authority, NAME)
    tls = gateway.gateway.tls
    assert tls is not None
    tls.certificates.put_challenge(NAME, proof.chain, proof.key)
    trusting.set_alpn_protocols(["acme-tls/1"])

    async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as client:
        shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert shown == ssl.PEM_cert_to_DER_cert(proof.chain.decode())
        answer = b""
        with contextlib.suppress(ConnectionError):
            client.writer.write(STATUS)
            answer = await client.reader.read(1)
        assert answer == b""
    assert tls.handshakes.ended["full"] == 1
