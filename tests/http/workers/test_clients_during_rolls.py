"""No client notices a roll: requests, bodies under way, tunnels and event streams go on."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import StartKeepAlive, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers
from tests.support.raw_clients import RawClient
from tests.support.upstreams import OK, Received

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
UPGRADE = b"GET /api/chat/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def connected_to_each(gateway: GatewayOfWorkers, first: bytes) -> list[RawClient]:
    """Several clients that have had an answer, so that each worker may have some."""
    clients = [await RawClient.connect(gateway.port) for _ in range(8)]
    for client in clients:
        await client.send(first)
    return clients


async def test_a_tunnel_and_an_event_stream_live_on_in_a_worker_that_was_replaced(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    more = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if b"upgrade" in received.head.lower():
            writer.write(SWITCH)
            while data := await received.reader.read(4096):
                writer.write(data)
            return
        writer.write(EVENTS + b"data: 1\n\n")
        await more.wait()
        writer.write(b"data: 2\n\n")

    upstream = await start_upstream(answer)
    async with gateway_of_workers(
        tmp_path, registry_url, SHUTDOWN_GRACE="1", TUNNEL_GRACE="60"
    ) as gateway:
        old = gateway.workers
        await gateway.register("chat", upstream.port, ttl=600)
        tunnels = await connected_to_each(gateway, UPGRADE)
        for tunnel in tunnels:
            assert (await tunnel.answer()).status == 101
        streams = await connected_to_each(gateway, b"GET /api/chat/ HTTP/1.1\r\nHost: h\r\n\r\n")
        for stream in streams:
            await stream.reader.readuntil(b"data: 1\n\n")

        assert (await gateway.roll())["event"] == "roll.done"
        assert not {*gateway.workers} & {*old}
        for tunnel in tunnels:
            await tunnel.send(b"still here")
            assert await tunnel.reader.readexactly(10) == b"still here"
        more.set()
        for stream in streams:
            assert b"data: 2\n\n" in await stream.reader.readuntil(b"0\r\n\r\n")

        for client in (*tunnels, *streams):
            await client.close()
        stopped = await eventually(lambda: gateway.logs("worker.stopped")[1:], within_s=20)
        assert stopped
        assert {line["pid"] for line in gateway.logs("worker.stopped")} == {*old}


async def test_an_idle_client_is_told_with_its_next_answer_and_a_body_under_way_arrives(
    tmp_path: Path, registry_url: str, start_keep_alive: StartKeepAlive
) -> None:
    upstream = await start_keep_alive(OK)
    async with gateway_of_workers(tmp_path, registry_url, SHUTDOWN_GRACE="30") as gateway:
        await gateway.register("orders", upstream.port, ttl=600)
        idle = await connected_to_each(gateway, GET)
        for client in idle:
            assert (await client.answer()).values(b"connection") == []
        post = b"POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"
        sending = await connected_to_each(gateway, post)

        assert (await gateway.roll())["event"] == "roll.done"
        for client in idle:
            await client.send(GET)
            answer = await client.answer()
            assert (answer.status, answer.values(b"connection")) == (200, [b"close"])
            assert await client.closed()
        for client in sending:
            await client.send(b"world")
            answer = await client.answer()
            assert (answer.status, answer.values(b"connection")) == (200, [b"close"])
        bodies = [one.body for one in upstream.requests if one.request_line.startswith(b"POST")]
        assert bodies == [b"helloworld"] * len(sending)
        for client in (*idle, *sending):
            await client.close()


async def test_no_request_fails_while_workers_are_replaced_twice(
    tmp_path: Path, registry_url: str, start_keep_alive: StartKeepAlive
) -> None:
    upstream = await start_keep_alive(OK)
    async with gateway_of_workers(tmp_path, registry_url, RATE_LIMIT_REQUESTS="0") as gateway:
        await gateway.register("orders", upstream.port, ttl=600)
        done = asyncio.Event()
        answered = 0

        async def keeps_its_connection() -> None:
            nonlocal answered
            client = await RawClient.connect(gateway.port)
            while not done.is_set():
                await client.send(GET + GET)  # pipelined
                for _ in range(2):
                    answer = await client.answer()
                    assert (answer.status, answer.complete) == (200, True), answer.body
                    answered += 1
                    if answer.values(b"connection") == [b"close"]:
                        await client.close()
                        client = await RawClient.connect(gateway.port)
                        break
            await client.close()

        async def connects_anew() -> None:
            nonlocal answered
            while not done.is_set():
                async with await RawClient.connect(gateway.port) as client:
                    await client.send(GET)
                    answer = await client.answer()
                    assert (answer.status, answer.complete) == (200, True), answer.body
                    answered += 1

        async with asyncio.TaskGroup() as clients:
            for _ in range(4):
                clients.create_task(keeps_its_connection())
                clients.create_task(connects_anew())
            for _ in range(2):
                before = gateway.workers
                assert (await gateway.roll())["event"] == "roll.done"
                await gateway.all_ready(without=before)
            done.set()
        assert answered > 100
        assert upstream.requests
