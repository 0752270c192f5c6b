"""`redirect_from` with several workers: one port, which no roll and no reload closes."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import issue
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_of_workers
from tests.support.raw_clients import exchange
from tests.support.registry_servers import free_port

pytestmark = pytest.mark.timeout(300)

GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    issue(trustme.CA(key_type=trustme.KeyType.ECDSA), "shop.example").write(tmp_path, "shop")
    return tmp_path / "lockgate.yaml"


def write(file: Path, redirect_from: int) -> None:
    file.write_text(
        "tls:\n  certificates: [{certificate_file: shop.pem, key_file: shop.key}]\n"
        f"  redirect_from: {redirect_from}\n"
    )


async def redirects(port: int) -> bool:
    """Whether a client is redirected; a refused or cut connection is an error."""
    return (await exchange(port, GET)).status == 308


async def test_all_workers_redirect_and_no_client_is_lost_over_a_roll(
    tmp_path: Path, registry_url: str, file: Path
) -> None:
    port = free_port()
    write(file, port)
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_CONFIG=str(file)) as gateway:
        assert gateway.logs("tls.no_redirects") == []
        rolled = asyncio.create_task(gateway.roll())
        asked = 0
        while not rolled.done():
            assert await redirects(port)
            asked += 1

        assert rolled.result()["event"] == "roll.done"
        assert asked > 10
        await eventually(lambda: len(gateway.logs("worker.stopped")) == 2)
        assert await redirects(port)


async def test_the_port_follows_a_reload_in_all_workers(
    tmp_path: Path, registry_url: str, file: Path
) -> None:
    one, other = free_port(), free_port()
    write(file, one)
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_CONFIG=str(file)) as gateway:
        assert await redirects(one)
        write(file, other)
        gateway.process.send_signal(signal.SIGHUP)

        async def closed() -> bool:
            try:
                await redirects(one)
            except ConnectionRefusedError:
                return True
            except (OSError, EOFError):  # it was still taken, and ended as the port was closed
                return False
            return False

        await eventually(closed)
        assert await redirects(other)


async def test_a_port_that_another_program_has_ends_the_start_with_one_line(
    tmp_path: Path, registry_url: str, file: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write(file, taken.getsockname()[1])
        async with gateway_of_workers(
            tmp_path, registry_url, started=False, GATEWAY_CONFIG=str(file)
        ) as gateway:
            assert await gateway.exit_status(30) == 1
            (line,) = gateway.stderr.splitlines()
            assert "tls.redirect_from" in line
