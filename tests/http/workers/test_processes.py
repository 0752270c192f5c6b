"""What is the same with several workers as with one: addresses, streams, signals, exit statuses."""

import os
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_of_workers, gateway_process, in_the_end
from tests.support.ipv6 import NEEDS_IPV6
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import free_port

pytestmark = pytest.mark.timeout(300)

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_it_says_once_that_it_has_started_and_stopped(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        (started,) = gateway.logs("gateway.started")
        assert started["workers"] == 2
        assert started["port"] == gateway.port
        assert started["host"] == "127.0.0.1"
        assert started["version"]
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0
        assert len(gateway.logs("gateway.stopping")) == 1
        assert gateway.logs()[-1]["event"] == "gateway.stopped"


async def test_log_lines_say_which_worker_has_written_them(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        await gateway.request("GET", "/ready")
        await in_the_end(lambda: len(gateway.logs("worker.listening")) == 2)
        await in_the_end(lambda: any(line["path"] == "/ready" for line in gateway.logs("request")))

        assert {line["worker"] for line in gateway.logs("worker.listening")} == {0, 1}
        of_the_master = ("gateway.started", "worker.started", "worker.ready")
        assert not any(
            "worker" in line
            for event in (*of_the_master, "request")
            for line in gateway.logs(event)
        )


async def test_a_free_port_is_chosen_once_for_all_workers(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_PORT="0") as gateway:
        port = gateway.logs("gateway.started")[0]["port"]
        # Workers write their lines in batches, the master at once.
        await in_the_end(lambda: len(gateway.logs("worker.listening")) == 2)
        assert {line["port"] for line in gateway.logs("worker.listening")} == {port}
        async with await RawClient.connect(port) as client:
            await client.send(HEALTH)
            assert (await client.answer()).status == 200


@NEEDS_IPV6
async def test_it_listens_on_ipv6(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_HOST="::1") as gateway:
        url = f"http://[::1]:{gateway.port}/health"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
        assert (await gateway.roll())["event"] == "roll.done"


async def test_the_admin_socket_is_every_workers(tmp_path: Path, registry_url: str) -> None:
    path = tmp_path / "admin.sock"
    async with gateway_of_workers(tmp_path, registry_url, ADMIN_LISTEN=f"unix:{path}") as gateway:

        async def answers() -> int:
            connector = aiohttp.UnixConnector(str(path))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get("http://gateway/services") as answer,
            ):
                return answer.status

        assert await answers() == 200
        assert (await gateway.roll())["event"] == "roll.done"
        await eventually(lambda: len(gateway.logs("worker.stopped")) == 2)
        assert await answers() == 200


async def test_workers_of_a_killed_master_end_and_another_gateway_can_listen(
    tmp_path: Path, registry_url: str
) -> None:
    (tmp_path / "next").mkdir()
    async with gateway_of_workers(tmp_path, registry_url) as gateway:
        workers = gateway.workers
        gateway.process.kill()
        await gateway.process.wait()

        def gone(pid: int) -> bool:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            return False

        await eventually(lambda: all(map(gone, workers)), within_s=30)
        async with gateway_of_workers(
            tmp_path / "next", registry_url, GATEWAY_PORT=str(gateway.port)
        ) as another:
            assert len(another.workers) == 2


async def test_a_taken_port_ends_it_with_status_1(tmp_path: Path, registry_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        async with gateway_of_workers(
            tmp_path, registry_url, started=False, GATEWAY_PORT=port
        ) as gateway:
            assert await gateway.exit_status(30) == 1
            (line,) = gateway.stderr.splitlines()
            assert "GATEWAY_PORT" in line


async def test_a_second_sigint_ends_requests_in_flight(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(
        tmp_path, registry_url, SHUTDOWN_GRACE="100", TUNNEL_GRACE="100"
    ) as gateway:
        client = await RawClient.connect(gateway.port)
        await client.send(b"POST /api/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n")  # no end
        os.killpg(gateway.process.pid, signal.SIGINT)  # as a terminal does
        await eventually(lambda: len(gateway.logs("worker.draining")) == 2)
        assert gateway.process.returncode is None
        os.killpg(gateway.process.pid, signal.SIGINT)

        assert await gateway.exit_status(15) == 0
        assert gateway.logs("worker.ended") == []
        await client.close()


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
async def test_it_runs_with_closed_standard_streams(
    tmp_path: Path, registry_url: str, closed: str
) -> None:
    prefix = ("sh", "-c", f'exec "$0" "$@" {closed}')
    port = free_port()
    async with gateway_process(
        tmp_path,
        registry_url,
        started=False,
        prefix=prefix,
        session=True,
        GATEWAY_WORKERS="2",
        GATEWAY_PORT=str(port),
    ) as gateway:

        async def answers() -> bool:
            try:
                return (await gateway.request("GET", "/health", port=port)).status == 200
            except aiohttp.ClientError:
                return False

        await eventually(answers, within_s=30)
        gateway.process.terminate()
        assert await gateway.exit_status(30) == 0


async def test_log_lines_for_people_are_the_masters_too(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(
        tmp_path, registry_url, started=False, LOG_FORMAT="console"
    ) as gateway:
        await eventually(lambda: "gateway.started" in gateway.stdout, within_s=40)
        assert not any(line.startswith("{") for line in gateway.stdout.splitlines())


async def test_sigterm_while_workers_start_stops_it(tmp_path: Path, registry_url: str) -> None:
    async with gateway_of_workers(tmp_path, registry_url, started=False) as gateway:
        await eventually(lambda: gateway.logs("worker.started"), within_s=30)
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0
        assert gateway.stderr == ""
