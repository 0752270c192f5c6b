"""A worker with TLS, and one that asks clients for certificates, is ready too."""

from pathlib import Path

import pytest
import trustme

from tests.support.certificates import issue
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_of_workers

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other


@pytest.mark.parametrize("asks_clients", [False, True])
async def test_a_worker_with_tls_gets_ready(
    tmp_path: Path, registry_url: str, asks_clients: bool
) -> None:
    authority = trustme.CA()
    certificate, key = issue(authority, "shop.example").write(tmp_path, "shop")
    of_clients = tmp_path / "clients.pem"
    of_clients.write_bytes(authority.cert_pem.bytes())
    variables = {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    if asks_clients:
        variables["TLS_CLIENT_CA_FILE"] = str(of_clients)
    async with gateway_of_workers(tmp_path, registry_url, **variables) as gateway:
        assert (await gateway.roll())["event"] == "roll.done"

        gateway.process.terminate()
        assert await gateway.exit_status() == 0
        assert gateway.logs("request") == []


async def test_what_a_worker_asks_itself_is_in_no_access_log_and_the_same_of_a_client_is(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        assert (await gateway.roll())["event"] == "roll.done"
        same = {"User-Agent": "lockgate-worker", "Host": "localhost"}
        assert (await gateway.request("GET", "/health", headers=same)).status == 200

        gateway.process.terminate()
        assert await gateway.exit_status() == 0  # then all lines are written
        (line,) = gateway.logs("request")
        assert (line["path"], line["user_agent"]) == ("/health", "lockgate-worker")


async def test_a_worker_without_a_view_is_ready_and_a_roll_ends_with_what_is_missing(
    tmp_path: Path,
) -> None:
    nobody = "redis://127.0.0.1:1/0"
    async with gateway_of_workers(tmp_path, nobody, WORKER_READY_TIMEOUT="20") as gateway:
        before = gateway.workers
        ended = await gateway.roll()
        assert ended["event"] == "roll.failed"
        assert ended["reason"].endswith("it has no view of the registry yet")
        await eventually(lambda: gateway.workers == before)
