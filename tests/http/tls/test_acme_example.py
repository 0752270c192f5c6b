"""The example files of docs/acme.md, with an authority and ports that there are: they do what they say."""

import ssl
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.example_files import copied
from tests.support.forwarders import Forwarder
from tests.support.pebble import Pebble, StartPebble, needs_pebble
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import OK

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
#: As pebble's documentation has it.
KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

pytestmark = [needs_pebble, pytest.mark.usefixtures("nothing_fails_behind_the_scenes")]


def prepared(name: str, folder: Path, pebble: Pebble, *replaced: tuple[str, str]) -> Path:
    """A copy of an example, whose authority and port are those of the test."""
    contents = {"corp-root.pem": pebble.ca.encode(), "eab.key": KEY.encode()}
    copy = copied(EXAMPLES / name, folder, contents)
    text = copy.read_text()
    for old, new in (*replaced, ("redirect_from: 80\n", f"redirect_from: {pebble.http_port}\n")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    copy.write_text(text)
    return copy


async def ask(port: int, host: str) -> int:
    """The status that a client of the domain gets, once there is a certificate for it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def look() -> int:
        try:
            async with await RawClient.connect(port, tls=context, server_name=host) as client:
                await client.send(f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                return (await client.answer()).status
        except OSError:
            return 0

    return await eventually(look, within_s=40)


async def test_two_domains_have_their_certificates(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    start_pebble: StartPebble,
    tmp_path: Path,
) -> None:
    pebble = start_pebble()
    authority = f"    directory: {pebble.directory}\n    ca_file: corp-root.pem\n"
    file = prepared(
        "acme.yaml",
        tmp_path,
        pebble,
        ("    renew_before: 30d\n", f"{authority}    renew_before: 30d\n"),
    )
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    for domain in ("api.example.com", "shop.example.com"):
        assert await ask(gateway.port, domain) == 503  # its service has no instance
    upstream = await start_upstream(OK)
    for name in ("order_service", "shop_service"):
        await gateway.register(name, upstream.port, health_check_url="/health")
    for domain in ("api.example.com", "shop.example.com"):
        assert await ask(gateway.port, domain) == 200
        asked = f"GET /x HTTP/1.1\r\nHost: {domain}\r\n\r\n".encode()
        assert (await exchange(pebble.http_port, asked)).status == 308


async def test_an_authority_of_ones_own_gives_a_certificate(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    start_pebble: StartPebble,
    tmp_path: Path,
) -> None:
    async with Forwarder(0) as forwarder:
        pebble = start_pebble(tls_port=forwarder.port, accounts={"kid-1": KEY})
        directory = "https://ca.corp.example/acme/acme/directory"
        file = prepared("acme-own-authority.yaml", tmp_path, pebble, (directory, pebble.directory))
        gateway = await start_gateway(GATEWAY_CONFIG=str(file))
        forwarder.target = gateway.port
        assert await ask(gateway.port, "orders.corp.example") == 503
        upstream = await start_upstream(OK)
        await gateway.register("order_service", upstream.port, health_check_url="/health")
        assert await ask(gateway.port, "orders.corp.example") == 200
