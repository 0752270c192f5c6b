"""Gateways that get their certificates by themselves, from a real authority half of whose nonces are bad."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import StartGateway
from tests.support.certificates import Issued
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.pebble import Pebble, StartPebble, needs_pebble
from tests.support.raw_clients import exchange
from tests.support.registry_servers import free_port
from tests.support.served_certificates import certified, names_of, served

DOMAIN, OTHER = "api.a.example", "shop.a.example"

pytestmark = [needs_pebble, pytest.mark.usefixtures("nothing_fails_behind_the_scenes")]


@pytest.fixture
async def forwarder() -> AsyncIterator[Forwarder]:
    """The port of TLS that an authority asks; it leads to a gateway."""
    async with Forwarder(0) as made:
        yield made


def write(folder: Path, pebble: Pebble, *keys: str, domains: str = DOMAIN) -> Path:
    file = folder / f"lockgate{free_port()}.yaml"
    acme = f"domains: [{domains}], directory: '{pebble.directory}', ca_file: {pebble.ca_file}"
    file.write_text(f"tls: {{{', '.join((f'acme: {{{acme}}}', *keys))}}}\n")
    return file


async def test_gateways_of_a_registry_serve_one_certificate(
    start_gateway: StartGateway, start_pebble: StartPebble, tmp_path: Path
) -> None:
    pebble = start_pebble()
    # The authority asks one of them, whichever orders.
    here = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}")
    there = write(tmp_path, pebble, f"redirect_from: {free_port()}")
    first = await start_gateway(GATEWAY_CONFIG=str(here))
    second = await start_gateway(GATEWAY_CONFIG=str(there))
    assert await certified(first.port, DOMAIN) == await certified(second.port, DOMAIN)
    assert pebble.orders(finished=True) == 1

    told = (await first.get("/status")).json()["acme"]
    assert told["certificates"][DOMAIN]["ends_in_s"] > 80 * 86400
    assert told["certificates"][DOMAIN]["failures"] == 0
    metrics = (await second.get("/metrics")).body.decode()
    line = f'gateway_acme_certificate_ends_in_seconds{{domain="{DOMAIN}"}}'
    assert float(metrics.partition(line)[2].split()[0]) > 80 * 86400


async def test_a_gateway_without_a_port_of_plain_http_proves_itself_by_tls(
    start_gateway: StartGateway,
    start_pebble: StartPebble,
    forwarder: Forwarder,
    tmp_path: Path,
) -> None:
    pebble = start_pebble(tls_port=forwarder.port)
    first = await start_gateway(GATEWAY_CONFIG=str(write(tmp_path, pebble)))
    second = await start_gateway(GATEWAY_CONFIG=str(write(tmp_path, pebble)))
    forwarder.target = second.port  # whichever orders
    assert await certified(first.port, DOMAIN) == await certified(second.port, DOMAIN)
    assert pebble.orders(finished=True) == 1
    tls = second.gateway.tls
    assert tls is not None
    await eventually(lambda: not tls.certificates.has_challenges)


async def test_a_domain_that_a_reload_adds_gets_its_certificate(
    start_gateway: StartGateway, start_pebble: StartPebble, tmp_path: Path
) -> None:
    pebble = start_pebble()
    port = f"redirect_from: {pebble.http_port}"
    file = write(tmp_path, pebble, port)
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    before = await certified(gateway.port, DOMAIN)
    write(tmp_path, pebble, port, domains=f"{DOMAIN}, {OTHER}").replace(file)
    assert names_of(await certified(gateway.port, OTHER)) == [OTHER]
    assert await served(gateway.port, DOMAIN) == before


async def test_variables_alone_are_enough(
    start_gateway: StartGateway, start_pebble: StartPebble
) -> None:
    pebble = start_pebble()
    gateway = await start_gateway(
        ACME_DOMAINS=f"{DOMAIN}, {DOMAIN}",
        ACME_EMAIL="ops@a.example",
        ACME_DIRECTORY=pebble.directory,
        ACME_CA_FILE=str(pebble.ca_file),
        ACME_HTTP_PORT=str(pebble.http_port),
    )
    assert gateway.url.startswith("https:")
    await certified(gateway.port, DOMAIN)
    asked = f"GET /x HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode()
    answer = await exchange(pebble.http_port, asked)
    assert answer.status == 308


async def test_an_unknown_token_is_answered_404(
    start_gateway: StartGateway, start_pebble: StartPebble, tmp_path: Path
) -> None:
    pebble = start_pebble()
    file = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    await certified(gateway.port, DOMAIN)
    asked = b"GET /.well-known/acme-challenge/%b HTTP/1.1\r\nHost: api.a.example\r\n\r\n"
    for token in (b"abc", b"a" * 400, b"a/b", b"%41"):
        assert (await exchange(pebble.http_port, asked % token)).status == 404


async def test_what_the_authority_said_is_told_to_whom_has_the_token_alone(
    start_gateway: StartGateway, start_pebble: StartPebble, issued: Issued, tmp_path: Path
) -> None:
    pebble = start_pebble()
    pebble.kill()
    issued.write(tmp_path, "shop")  # a certificate of the file can stand beside them
    certificates = "certificates: [{certificate_file: shop.pem, key_file: shop.key}]"
    file = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}", certificates)
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    async def why() -> str:
        told = (await gateway.admin("GET", "/status")).json()
        return str(told["acme"]["certificates"][DOMAIN].get("why", ""))

    assert "can't be reached" in await eventually(why)
    told = (await gateway.get("/status")).json()["acme"]["certificates"][DOMAIN]
    assert told["failures"] == 1
    assert "why" not in told
