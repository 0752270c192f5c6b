"""Clients on this machine see addresses without the token; clients behind a proxy here do not."""

import pytest

from gateway.guard.locality import is_loopback, is_of_this_machine
from tests.conftest import StartGateway
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.pages import Page
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import free_port

LOCALLY = b"Host: localhost:8080\r\n"


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    """A gateway with a service whose instance does not answer at 127.0.0.1."""
    gateway = await start_gateway(CORS_ORIGINS="*")
    await gateway.register("orders", free_port(), routable=False)
    await gateway.register("orders", free_port(), "i2", routable=False)
    health = gateway.member.health
    await eventually(
        lambda: health.status("orders/i1") == health.status("orders/i2") == "unhealthy"
    )
    return gateway


async def is_told(
    gateway: RunningGateway, fields: bytes, *, target: bytes = b"", version: bytes = b"1.1"
) -> bool:
    """Whether the 503's reason has the instance's address; the page at / must agree."""
    client = await RawClient.connect(gateway.port)
    found = []
    for path in (b"/api/orders", b"/"):
        line = b"GET %b%b HTTP/%b\r\n" % (target, path, version)
        await client.send(line + fields + b"Accept: text/html\r\nConnection: keep-alive\r\n\r\n")
        body = (await client.answer()).body.decode()
        text = Page(body).text if path == b"/" else body
        assert "2 unhealthy: connect failed" in text
        found.append(", at 127.0.0.1:" in text)
    await client.close()
    in_reason, on_page = found
    assert in_reason == on_page
    return in_reason


@pytest.mark.parametrize(
    "host", [b"localhost", b"127.0.0.1:8080", b"[::1]:8080", b"LOCALHOST:80", b"shop.localhost"]
)
async def test_whoever_asks_this_machine_by_its_own_name_is_told(
    gateway: RunningGateway, host: bytes
) -> None:
    assert await is_told(gateway, b"Host: %b\r\n" % host)


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"localhost.evil.example", b"127.0.0.1.evil.example:8080", b"10.0.0.7"],
)
async def test_a_page_whose_name_was_made_to_lead_here_is_a_stranger(
    gateway: RunningGateway, host: bytes
) -> None:
    """DNS rebinding: for the browser, the gateway then has the same origin as that page."""
    assert not await is_told(gateway, b"Host: %b\r\n" % host)


async def test_the_host_of_an_absolute_target_is_the_one_that_is_asked(
    gateway: RunningGateway,
) -> None:
    assert not await is_told(gateway, LOCALLY, target=b"http://evil.example")
    assert await is_told(gateway, LOCALLY, target=b"http://localhost:8080")


@pytest.mark.parametrize(
    ("origin", "told"),
    [(b"https://evil.example", False), (b"null", False), (b"http://localhost:3000", True)],
)
async def test_a_page_of_elsewhere_that_may_read_answers_is_a_stranger(
    gateway: RunningGateway, origin: bytes, told: bool
) -> None:
    assert await is_told(gateway, LOCALLY + b"Origin: %b\r\n" % origin) is told


@pytest.mark.parametrize(
    "field",
    [
        *(b"X-Forwarded-For", b"x-forwarded-host", b"X-Forwarded-Proto", b"Forwarded", b"Via"),
        *(b"X-Real-IP", b"CF-Connecting-IP"),
    ],
)
async def test_a_proxy_on_this_machine_asks_for_somebody_else(
    gateway: RunningGateway, field: bytes
) -> None:
    assert not await is_told(gateway, LOCALLY + field + b": 127.0.0.1\r\n")


async def test_nginx_that_says_nothing_of_its_client_is_known_by_its_version_of_http(
    gateway: RunningGateway,
) -> None:
    """`proxy_pass http://127.0.0.1:8080;` alone sends that Host and no field about the client."""
    assert not await is_told(gateway, b"Host: 127.0.0.1:8080\r\n", version=b"1.0")


async def test_with_the_token_a_stranger_is_told(gateway: RunningGateway) -> None:
    token = b"Authorization: Bearer %b\r\n" % ADMIN_TOKEN.encode()
    assert await is_told(gateway, b"Host: shop.example\r\nVia: 1.1 proxy\r\n" + token)


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True)),
        *(("10.0.0.1", False), ("::", False), ("", False), ("unknown", False)),
    ],
)
def test_a_loopback_address_is_known_in_each_form(address: str, is_one: bool) -> None:
    assert is_loopback(address) is is_one


@pytest.mark.parametrize("url", ["", "//", "null", "//[", "//user@", "//127.0.0.1@evil.example"])
def test_what_names_no_host_of_this_machine_is_not_taken_for_one(url: str) -> None:
    assert not is_of_this_machine(url)
