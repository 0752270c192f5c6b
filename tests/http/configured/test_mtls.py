"""mTLS: who is admitted by a certificate, what instances get of it, and when it ends."""

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from middlewares.auth.ways.mtls.way import MtlsWay
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.certificates import issue
from tests.support.client_certificates import (
    DAY,
    NOW,
    Made,
    authority,
    client,
    revocations,
)
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient

NAME = "shop.example"
FILE = """
    discover: false
    tls: {certificates: [{certificate_file: shop.pem, key_file: shop.key}]}
    auth:
      mesh: {type: mtls, ca_file: clients-ca.pem%s}
    routes:
      - {name: open, match: {prefix: /open}, service: order_service, auth: none}
      - {name: orders, match: {prefix: /}, service: order_service, auth: {any_of: [mesh]}}
"""
ROOT = authority("clients")
OTHER = authority("others")
BETWEEN = authority("between", ROOT)
URI = x509.UniformResourceIdentifier("spiffe://example/alice")
ALICE = client(BETWEEN, "alice", names=(URI,))

Connect = Callable[..., Awaitable[RawClient]]


@pytest.fixture(scope="module")
def server() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(autouse=True)
def _files(server: trustme.CA, tmp_path: Path) -> None:
    issue(server, NAME).write(tmp_path, "shop")
    write(tmp_path / "clients-ca.pem", ROOT.pem)


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.fixture
def connect(server: trustme.CA, tmp_path: Path) -> Connect:
    """`await connect(configured, ALICE)`: a client that shows this certificate, or none."""

    async def connected(configured: Configured, shows: Made | None = None) -> RawClient:
        context = ssl.create_default_context()
        server.configure_trust(context)
        if shows is not None:
            context.load_cert_chain(shows.write(tmp_path, "client.pem"))
        return await RawClient.connect(configured.gateway.port, tls=context, server_name=NAME)

    return connected


async def ask(client: RawClient, path: str = "/", *fields: str) -> RawAnswer:
    lines = "".join(f"{line}\r\n" for line in (f"Host: {NAME}", *fields))
    await client.send(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    return await client.answer()


def way_of(configured: Configured) -> MtlsWay:
    ways = configured.gateway.gateway.ways
    assert ways is not None
    way = ways.live["mesh"]
    assert isinstance(way, MtlsWay)
    return way


def encoded(one: bytes) -> bytes:
    return b":%b:" % b64encode(one)


@pytest.mark.both_loops
async def test_a_client_is_admitted_by_its_certificate_and_the_instance_gets_it(
    start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % "")
    lies = ["Client-Cert: :AAAA:", "client_cert: :BBBB:", "Client-Cert-Chain: :CCCC:"]
    async with await connect(configured, ALICE) as client:
        for _ in range(2):
            assert (await ask(client, "/", *lies, "X-Auth-Subject: root")).status == 200
    between = BETWEEN.der
    for received in configured.upstream.requests:
        assert received.values(b"x-auth-subject") == [b"alice"]
        assert received.values(b"x-auth-method") == [b"mtls"]
        assert received.values(b"client-cert") == [encoded(ALICE.der)]
        assert received.values(b"client-cert-chain") == [encoded(between)]
        assert received.values(b"client_cert") == []
    assert len(way_of(configured).admitted) == 1


async def test_without_a_certificate_there_is_a_401_without_a_challenge(
    start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % "")
    async with await connect(configured) as client:
        answer = await ask(client, "/", "Client-Cert: :AAAA:", "X-Auth-Subject: alice")
        assert answer.status == 401
        assert answer.values(b"www-authenticate") == []
        assert (await ask(client, "/open", "Client-Cert: :AAAA:")).status == 200
    [received] = configured.upstream.requests
    assert received.values(b"client-cert") == []


async def test_where_one_is_required_nobody_connects_without_a_certificate(
    start_configured: StartConfigured, connect: Connect
) -> None:
    required = FILE.replace("shop.key}]}", "shop.key}], client_certificate: required}")
    configured = await start_configured(required % "", registers=False)
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        async with await connect(configured) as client:
            await ask(client, "/open")
    async with await connect(configured, ALICE) as client:
        assert (await ask(client, "/open")).status == 503


async def test_a_route_without_the_way_tells_no_instance_of_a_certificate(
    start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % "")
    async with await connect(configured, ALICE) as client:
        assert (await ask(client, "/open")).status == 200
    [received] = configured.upstream.requests
    assert received.values(b"client-cert") == received.values(b"x-auth-subject") == []


@pytest.mark.parametrize(
    "shown",
    [
        client(OTHER, "alice"),
        client(ROOT, "alice", begins=NOW - 2 * DAY, ends=NOW - DAY),
        client(ROOT, "alice", begins=NOW + DAY, ends=NOW + 2 * DAY),
        Made(ALICE.certificate, ALICE.key),
    ],
    ids=["of another authority", "expired", "not begun", "without the one between"],
)
async def test_a_certificate_that_can_not_be_verified_ends_the_handshake(
    shown: Made, start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % "")
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        async with await connect(configured, shown) as client:
            await ask(client)
    assert configured.upstream.requests == []


async def test_the_authority_of_one_way_does_not_admit_for_another(
    start_configured: StartConfigured, connect: Connect, tmp_path: Path
) -> None:
    write(tmp_path / "others-ca.pem", OTHER.pem)
    others = "}\n      others: {type: mtls, ca_file: others-ca.pem"
    configured = await start_configured(FILE % others)
    async with await connect(configured, client(OTHER, "alice")) as one:
        assert (await ask(one)).status == 401
    async with await connect(configured, ALICE) as one:
        assert (await ask(one)).status == 200


async def test_the_subject_is_the_part_that_the_file_names(
    start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % ", subject: san_uri")
    async with await connect(configured, ALICE) as one:
        assert (await ask(one)).status == 200
    subject = configured.upstream.requests[0].values(b"x-auth-subject")
    assert subject == [b"spiffe://example/alice"]
    async with await connect(configured, client(ROOT, "bob")) as one:
        assert (await ask(one)).status == 401


async def test_a_certificate_that_expires_while_its_connection_lives_admits_no_longer(
    start_configured: StartConfigured, connect: Connect
) -> None:
    configured = await start_configured(FILE % "")
    ends = NOW + DAY
    async with await connect(configured, client(ROOT, "alice", ends=ends)) as one:
        assert (await ask(one)).status == 200
        way_of(configured).now = later(ends)
        assert (await ask(one)).status == 200
        way_of(configured).now = later(ends + timedelta(seconds=1))
        assert (await ask(one)).status == 401


def later(moment: datetime) -> Callable[[], float]:
    return lambda: moment.timestamp()


async def test_a_revoked_certificate_is_refused_on_the_connection_that_it_has(
    start_configured: StartConfigured, connect: Connect, tmp_path: Path
) -> None:
    lists = tmp_path / "clients.crl"
    write(lists, revocations(ROOT) + revocations(BETWEEN))
    configured = await start_configured(FILE % ", crl_file: clients.crl")
    async with await connect(configured, ALICE) as one:
        assert (await ask(one)).status == 200
        write(lists, revocations(ROOT) + revocations(BETWEEN, ALICE))

        async def is_refused() -> bool:
            return (await ask(one)).status == 401

        await eventually(is_refused)
    async with await connect(configured, client(BETWEEN, "bob")) as one:
        assert (await ask(one)).status == 200


async def test_while_a_revocation_list_is_missing_or_old_nobody_is_admitted(
    start_configured: StartConfigured, connect: Connect, tmp_path: Path
) -> None:
    until = NOW + DAY / 2
    write(tmp_path / "clients.crl", revocations(ROOT, until=until))
    configured = await start_configured(FILE % ", crl_file: clients.crl")
    async with await connect(configured, ALICE) as one:
        answer = await ask(one)
        assert answer.status == 503
        assert b'"auth_unavailable"' in answer.body
    async with await connect(configured, client(ROOT, "bob")) as one:
        assert (await ask(one)).status == 200
        way_of(configured).now = later(until)
        assert (await ask(one)).status == 503


async def test_a_session_is_not_resumed_but_begun_anew(
    start_configured: StartConfigured, server: trustme.CA, tmp_path: Path
) -> None:
    """Else a client would be let in after its certificate has expired, and without those between."""
    configured = await start_configured(FILE % "")
    context = ssl.create_default_context()
    server.configure_trust(context)
    # TLS 1.3 resumes by tickets alone; these have a number too.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(ALICE.write(tmp_path, "client.pem"))

    def ask_twice() -> list[tuple[bool | None, bytes]]:
        found: list[tuple[bool | None, bytes]] = []
        session = None
        for _ in range(2):
            address = ("127.0.0.1", configured.gateway.port)
            with (
                socket.create_connection(address) as plain,
                context.wrap_socket(plain, server_hostname=NAME, session=session) as tls,
            ):
                tls.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
                found.append((tls.session_reused, tls.recv(100).split(b" ")[1]))
                session = tls.session
        return found

    assert await asyncio.to_thread(ask_twice) == [(False, b"200"), (False, b"200")]
    chains = [received.values(b"client-cert-chain") for received in configured.upstream.requests]
    assert chains == [[encoded(BETWEEN.der)]] * 2


async def test_over_plain_http_nobody_has_a_certificate(start_configured: StartConfigured) -> None:
    text = FILE.replace("    tls: {certificates", "    # tls: {certificates")
    configured = await start_configured(text % "")
    assert (await configured.ask("/", "Client-Cert: :AAAA:")).status == 401
    assert (await configured.ask("/open")).status == 200


async def test_an_authority_that_leaves_the_file_admits_no_longer(
    start_configured: StartConfigured, connect: Connect, tmp_path: Path
) -> None:
    configured = await start_configured(FILE % "")
    async with await connect(configured, ALICE) as one:
        assert (await ask(one)).status == 200
        write(tmp_path / "clients-ca.pem", OTHER.pem)

        async def is_refused() -> bool:
            return (await ask(one)).status == 401

        await eventually(is_refused)
    async with await connect(configured, client(OTHER, "bob")) as one:
        assert (await ask(one)).status == 200
