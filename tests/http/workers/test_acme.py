"""Workers that get a certificate by themselves from a real authority, half of whose nonces are bad."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from discovery.model.settings import RegistrySettings
from gateway.acme.deciding.state import Proof, encode_proof
from gateway.acme.spec import HTTP_01
from gateway.acme.store import PROOFS_FOR_S, Store
from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers
from tests.support.pebble import Pebble, StartPebble, needs_pebble
from tests.support.pebble import start_pebble as start_pebble
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.served_certificates import certified, served

DOMAIN = "api.a.example"
TOKEN, ANSWER = "a-token", "a-token.thumbprint"
#: The pause after an order that came before the port was open is in it.
OBTAINED_WITHIN_S = 150.0
#: A worker that is stopped is replaced after 10 s.
SEEN_WITHIN_S = 8.0

pytestmark = [needs_pebble, pytest.mark.timeout(400)]


def write(folder: Path, pebble: Pebble, *keys: str) -> dict[str, str]:
    """Write the file; returns the variable that names it."""
    file = folder / "lockgate.yaml"
    acme = f"domains: [{DOMAIN}], directory: '{pebble.directory}', ca_file: {pebble.ca_file}"
    file.write_text(f"tls: {{{', '.join((f'acme: {{{acme}}}', *keys))}}}\n")
    return {"GATEWAY_CONFIG": str(file)}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """What is asked meanwhile, another worker answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def serve_alone(gateway: GatewayOfWorkers, port: int, expected: x509.Certificate) -> None:
    """Each of both workers serves this certificate."""
    for other in gateway.workers:
        with stopped(other):
            assert await certified(port, DOMAIN, within_s=SEEN_WITHIN_S) == expected


def _sources(gateway: GatewayOfWorkers) -> list[str]:
    """Where workers had their certificates from, as far as their lines are written."""
    return [line["source"] for line in gateway.logs("certificate.taken")]


async def publish(registry_url: str, directory: str) -> None:
    """Let the gateways answer a challenge, as the one whose turn it is does."""
    store = Store(RegistrySettings(redis_url=registry_url), directory, worker="test")
    try:
        turn = await eventually(lambda: store.claim(15.0), within_s=20)
        assert turn is not None
        proof = encode_proof(Proof(DOMAIN, HTTP_01, ANSWER), time.time() + PROOFS_FOR_S)
        await store.change(turn, 15.0, proofs={TOKEN: proof})
    finally:
        await store.close()


async def test_workers_serve_one_certificate_of_one_order_and_any_answers_a_challenge(
    tmp_path: Path, registry_url: str, start_pebble: StartPebble
) -> None:
    pebble = start_pebble()
    variables = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}")
    async with gateway_of_workers(tmp_path, registry_url, **variables) as gateway:
        certificate = await certified(gateway.port, DOMAIN, within_s=OBTAINED_WITHIN_S)
        await serve_alone(gateway, gateway.port, certificate)

        await publish(registry_url, pebble.directory)
        asked = f"GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"
        for other in gateway.workers:
            with stopped(other):
                answer = await exchange(pebble.http_port, asked.encode())
                assert (answer.status, answer.body) == (200, ANSWER.encode())
        obtained = await eventually(lambda: gateway.logs("certificate.obtained"), within_s=60)
        assert len(obtained) == 1
        assert pebble.orders(finished=True) == 1


async def test_workers_prove_themselves_by_tls_whichever_is_asked(
    tmp_path: Path, registry_url: str, start_pebble: StartPebble
) -> None:
    port = free_port()
    pebble = start_pebble(tls_port=port)
    variables = write(tmp_path, pebble) | {"GATEWAY_PORT": str(port)}
    async with gateway_of_workers(tmp_path, registry_url, **variables) as gateway:
        certificate = await certified(port, DOMAIN, within_s=OBTAINED_WITHIN_S)
        await serve_alone(gateway, port, certificate)
        assert pebble.orders(finished=True) == 1


async def test_a_roll_refuses_no_client_for_want_of_a_certificate(
    tmp_path: Path, registry_url: str, start_pebble: StartPebble
) -> None:
    pebble = start_pebble()
    variables = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}")
    async with gateway_of_workers(tmp_path, registry_url, **variables) as gateway:
        certificate = await certified(gateway.port, DOMAIN, within_s=OBTAINED_WITHIN_S)
        await serve_alone(gateway, gateway.port, certificate)
        rolled = asyncio.create_task(gateway.roll())
        asked = 0
        while not rolled.done():
            assert await served(gateway.port, DOMAIN) == certificate
            asked += 1
        assert rolled.result()["event"] == "roll.done"
        assert asked > 10
        assert pebble.orders(finished=True) == 1


async def test_workers_are_ready_before_there_is_a_certificate(
    tmp_path: Path, registry_url: str, start_pebble: StartPebble
) -> None:
    pebble = start_pebble()
    variables = write(tmp_path, pebble)
    pebble.kill()
    async with gateway_of_workers(tmp_path, registry_url, **variables) as gateway:
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            await served(gateway.port, DOMAIN)
        assert (await gateway.roll())["event"] == "roll.done"
        assert gateway.logs("worker.ended") == []


async def test_without_the_registry_a_worker_has_the_certificate_from_a_sibling(
    tmp_path: Path, own_registry: RegistryServer, start_pebble: StartPebble
) -> None:
    pebble = start_pebble()
    variables = write(tmp_path, pebble, f"redirect_from: {pebble.http_port}")
    async with gateway_of_workers(tmp_path, own_registry.url, **variables) as gateway:
        certificate = await certified(gateway.port, DOMAIN, within_s=OBTAINED_WITHIN_S)
        await serve_alone(gateway, gateway.port, certificate)
        killed, other = gateway.workers
        own_registry.kill()
        os.kill(killed, signal.SIGKILL)
        await gateway.all_ready(without=[killed])
        with stopped(other):
            assert await certified(gateway.port, DOMAIN, within_s=SEEN_WITHIN_S) == certificate
        await eventually(lambda: "sibling" in _sources(gateway), within_s=60)
