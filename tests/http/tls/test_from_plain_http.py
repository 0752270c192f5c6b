"""Plain HTTP leads to https, and answers over TLS tell browsers to stay there."""

import ssl
from pathlib import Path

import pytest

from gateway.front.tls.redirect import answer_to
from tests.conftest import StartGateway, StartUpstream
from tests.support.certificates import Issued
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import free_port
from tests.support.upstreams import OK

NAME = "shop.example"
GET = b"GET /api/orders HTTP/1.1\r\nHost: shop.example\r\n\r\n"
STATUS = b"GET /status HTTP/1.1\r\nHost: shop.example\r\n\r\n"
CERTIFICATES = "certificates: [{certificate_file: shop.pem, key_file: shop.key}]"

pytestmark = pytest.mark.usefixtures("nothing_fails_behind_the_scenes")


@pytest.fixture
def file(issued: Issued, tmp_path: Path) -> Path:
    issued.write(tmp_path, "shop")
    return tmp_path / "lockgate.yaml"


def _write(file: Path, *keys: str) -> None:
    file.write_text(f"tls: {{{', '.join((CERTIFICATES, *keys))}}}\n")


async def test_port_of_plain_http_leads_to_https(start_gateway: StartGateway, file: Path) -> None:
    port = free_port()
    _write(file, f"redirect_from: {port}")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    async with await RawClient.connect(port) as client:
        await client.send(b"POST /a/b?c=d HTTP/1.1\r\nHost: shop.example:80\r\n\r\n")
        answer = await client.answer()
        assert await client.closed()

    assert answer.status == 308
    assert answer.values(b"location") == [b"https://shop.example:%d/a/b?c=d" % gateway.port]
    tls = gateway.gateway.tls
    assert tls is not None
    tls.redirects.challenge_of = {"abc": "abc.def"}.get
    path = b"/.well-known/acme-challenge/abc"
    answer = await exchange(port, b"GET %b HTTP/1.1\r\nHost: shop.example\r\n\r\n" % path)
    assert (answer.status, answer.body) == (200, b"abc.def")


async def test_port_follows_a_reload(start_gateway: StartGateway, file: Path) -> None:
    one, other = free_port(), free_port()
    _write(file, f"redirect_from: {one}")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    configuration, tls = gateway.gateway.configuration, gateway.gateway.tls
    assert configuration is not None
    assert tls is not None

    _write(file, f"redirect_from: {other}")
    await configuration.reload("a test")
    await eventually(lambda: tls.redirects.listens_on == [other])
    assert (await exchange(other, STATUS)).status == 308

    _write(file)
    await configuration.reload("a test")
    await eventually(lambda: tls.redirects.listens_on == [])


@pytest.mark.parametrize(
    ("head", "status", "location"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.example", b"308", b"https://a.example/"),
        (b"GET /x HTTP/1.0\r\nHost: [::1]:80", b"308", b"https://[::1]/x"),
        (b"GET http://other/x?y HTTP/1.1\r\nHost: a", b"308", b"https://a/x?y"),
        (b"GET http://a?y HTTP/1.1\r\nHost: a", b"308", b"https://a/?y"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a", b"308", b"https://a/"),
        (b"GET //evil.example/ HTTP/1.1\r\nHost: a", b"308", b"https://a//evil.example/"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b", b"400", None),
        (b"GET / HTTP/1.1\r\nHost: a@b", b"400", None),
        (b"GET / HTTP/1.1\r\nHost: a\tb", b"400", None),
        (b"GET / HTTP/1.1", b"400", None),
        (b"GET /\x00 HTTP/1.1\r\nHost: a", b"400", None),
        (b"nonsense", b"400", None),
        (b"", b"400", None),
        (b"GET /.well-known/acme-challenge/../x HTTP/1.1\r\nHost: a", b"404", None),
        (b"GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a", b"404", None),
    ],
)
def test_request_is_answered(head: bytes, status: bytes, location: bytes | None) -> None:
    answer = answer_to(head, 443, lambda _token: None)
    assert answer.split(b" ", 2)[1] == status
    fields = dict(line.split(b": ", 1) for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    assert fields.get(b"Location") == location
    assert fields[b"Connection"] == b"close"


async def test_browsers_are_told_to_stay_over_tls(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    file: Path,
    trusting: ssl.SSLContext,
) -> None:
    own = b"Strict-Transport-Security: max-age=1\r\n"
    upstream = await start_upstream(OK.replace(b"\r\n", b"\r\n" + own, 1))
    _write(file, "hsts: {max_age: 1h, include_subdomains: true}")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    await gateway.register("orders_service", upstream.port)

    for request, status in ((GET, 200), (STATUS, 200), (GET.replace(b"/api", b"/no"), 404)):
        answer = await exchange(gateway.port, request, tls=trusting, server_name=NAME)
        assert answer.status == status
        assert answer.values(b"strict-transport-security") == [b"max-age=3600; includeSubDomains"]


async def test_instances_own_field_passes_where_none_is_set(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    file: Path,
    trusting: ssl.SSLContext,
) -> None:
    own = b"Strict-Transport-Security: max-age=1\r\n"
    upstream = await start_upstream(OK.replace(b"\r\n", b"\r\n" + own, 1))
    _write(file)
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    await gateway.register("orders_service", upstream.port)
    answer = await exchange(gateway.port, GET, tls=trusting, server_name=NAME)
    assert answer.values(b"strict-transport-security") == [b"max-age=1"]
