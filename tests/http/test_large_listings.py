"""GET /services with thousands of instances: made once for all clients, and no client holds a copy."""

import asyncio
import json
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from structlog.testing import capture_logs

from discovery import AsyncServiceRegistry
from tests.conftest import StartGateway
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import RegistryServer

INSTANCES = 3000
CLIENTS = 60
LIST = b"GET /services HTTP/1.1\r\nHost: h\r\n\r\n"


async def register(url: str, count: int) -> None:
    """Register instances of ten services that are probed by heartbeats."""
    async with AsyncServiceRegistry(url) as registry:
        for first in range(0, count, 50):
            await asyncio.gather(
                *(
                    registry.register_service(
                        f"svc{number % 10}",
                        "10.11.12.13",
                        8000,
                        instance_id=f"i{number}",
                        ttl_s=3600,
                        metadata={"health.probe": "heartbeat"},
                    )
                    for number in range(first, min(first + 50, count))
                )
            )


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@asynccontextmanager
async def reading_nothing(port: int, count: int) -> AsyncIterator[list[socket.socket]]:
    """Clients that have asked for the list, were sent its beginning, and read nothing."""
    loop = asyncio.get_running_loop()
    clients = []
    try:
        for _ in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            clients.append(client)
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, LIST * 20)  # the answers exceed the kernel's buffers
        for client in clients:
            await readable(client)
        yield clients
    finally:
        for client in clients:
            client.close()


async def readable(client: socket.socket) -> None:
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(client, came.set)
    try:
        await asyncio.wait_for(came.wait(), 20)
    finally:
        loop.remove_reader(client)


async def test_clients_that_read_nothing_of_a_large_list_hold_no_copies_of_it(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    """Sixty of these clients held 170 MB for 75 s."""
    await register(own_registry.url, INSTANCES)
    async with gateway_process(tmp_path, own_registry.url) as gateway:
        whole = await exchange(
            gateway.port, LIST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert len(whole.body) > 700_000
        before_mb = resident_mb(gateway.process.pid)
        async with reading_nothing(gateway.port, CLIENTS):
            assert (
                await exchange(gateway.port, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            ).status == 200
            each_mb = (resident_mb(gateway.process.pid) - before_mb) / CLIENTS
    assert each_mb < 0.4


async def test_a_large_list_is_whole_and_its_client_goes_on(
    start_gateway: StartGateway, registry_url: str
) -> None:
    await register(registry_url, 600)
    gateway = await start_gateway()
    client = await RawClient.connect(gateway.port)
    for _ in range(2):
        await client.send(LIST)
        answer = await client.answer()
        assert answer.status == 200
        document = json.loads(answer.body)
        assert (document["count"], sum(s["total"] for s in document["services"])) == (10, 600)
    await client.send(LIST.replace(b"GET", b"HEAD"))
    head = await client.answer(to_head=True)
    assert head.values(b"content-length") == answer.values(b"content-length")
    await client.send(b"GET /services/svc3 HTTP/1.1\r\nHost: h\r\n\r\n")
    service = json.loads((await client.answer()).body)
    assert service == document["services"][3]
    await client.close()


async def test_a_client_that_reads_nothing_is_broken_off_after_its_time(
    start_gateway: StartGateway, registry_url: str
) -> None:
    await register(registry_url, INSTANCES)
    gateway = await start_gateway(CLIENT_SEND_TIMEOUT="0.5")
    whole = len((await exchange(gateway.port, LIST)).body)
    with capture_logs() as logs:
        async with reading_nothing(gateway.port, 3) as clients:
            for client in clients:
                ended = select.poll()
                ended.register(client, select.POLLHUP)
                await eventually(lambda: ended.poll(0), within_s=20)  # noqa: B023
    lines = [line for line in logs if line["event"] == "request" and line["status"] != 200]
    assert [(line["status"], line["reason"]) for line in lines] == [(408, "request_timeout")] * 3
    assert all(0 < line["bytes_out"] < whole for line in lines)


async def test_what_is_registered_is_in_the_next_list(start_gateway: StartGateway) -> None:
    """The list is kept for a moment, but not beyond a change that the client already knows."""
    gateway = await start_gateway()
    for number in range(5):
        path = f"/services/orders/instances/i{number}"
        body = {"host": "127.0.0.1", "port": 1, "weight": 0}
        assert (await gateway.admin("PUT", path, json=body)).status == 201
        (service,) = (await gateway.get("/services")).json()["services"]
        assert service["total"] == number + 1
        assert (await gateway.get("/services/orders")).json()["total"] == number + 1
    for number in range(5):
        path = f"/services/orders/instances/i{number}"
        assert (await gateway.admin("DELETE", path)).status == 204
        listed = (await gateway.get("/services")).json()
        assert sum(one["total"] for one in listed["services"]) == 4 - number
    assert (await gateway.get("/services/orders")).status == 404
