"""Endpoints of a gateway with workers speak of all of them, whichever is asked."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.conftest import StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import GatewayOfWorkers, gateway_of_workers
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import ScriptedUpstream

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

FILE = """
    auth: {{keys: {{type: api_key}}}}
    services:
      items: {{urls: ["http://127.0.0.1:{port}"]}}
      shadow: {{urls: ["http://127.0.0.1:{port}"]}}
    defaults: {{auth: none, limits: null}}
    routes:
      - {{name: shut, match: {{prefix: /shut}}, service: items, auth: {{any_of: [keys]}}}}
      - {{name: old, match: {{prefix: /old}}, service: orders, versions: {{default: "1"}}}}
      - {{name: shop, match: {{prefix: /shop}}, service: items, cache: {{}}}}
      - {{name: copied, match: {{prefix: /copied}}, service: items, mirror: {{to: {{service: shadow}}, share: 100}}}}
"""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nhi"
COUNT = 24


@pytest.fixture
async def gateway(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> AsyncIterator[GatewayOfWorkers]:
    upstream: ScriptedUpstream = await start_upstream(ANSWER)
    file = tmp_path / "lockgate.yaml"
    file.write_text(FILE.format(port=upstream.port))
    async with gateway_of_workers(tmp_path, registry_url, GATEWAY_CONFIG=str(file)) as running:
        yield running


async def send(
    gateway: GatewayOfWorkers, path: str, count: int = COUNT, status: int = 200, **headers: str
) -> None:
    """Send requests, each on a connection of its own; all are open at the same time, so that each worker has some."""
    url = f"http://127.0.0.1:{gateway.port}{path}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one() -> int:
            async with session.get(url, headers=headers) as answer:
                await answer.read()
                return answer.status

        assert {*await asyncio.gather(*(one() for _ in range(count)))} == {status}


async def told(gateway: GatewayOfWorkers, path: str) -> dict[str, Any]:
    document: dict[str, Any] = (await gateway.request("GET", path)).json()
    return document


async def test_the_cache_counts_for_all_workers(gateway: GatewayOfWorkers) -> None:
    await send(gateway, "/shop/1")

    for _ in range(4):
        stats = await told(gateway, "/cache")
        assert stats["routes"]["shop"]["hits"] + stats["routes"]["shop"]["misses"] == COUNT
        shown = await told(gateway, f"/cache/show?url=http%3A%2F%2F127.0.0.1:{gateway.port}/shop/1")
        assert shown["served"]
        assert shown["workers"]["asked"] == 2
        assert 1 <= shown["workers"]["served"] <= 2


async def test_mirrors_are_reported_and_forgotten_in_all_workers(gateway: GatewayOfWorkers) -> None:
    await send(gateway, "/copied/1")

    async def compared() -> bool:
        reports = (await told(gateway, "/mirrors"))["mirrors"]
        return [one["compared"] for one in reports] == [COUNT]

    await eventually(compared, within_s=60)
    for _ in range(4):
        assert await compared()
    assert (await gateway.request("DELETE", "/mirrors")).status == 204
    for _ in range(4):
        assert await told(gateway, "/mirrors") == {"mirrors": []}


async def test_a_file_is_compared_for_the_last_requests_of_all_workers(
    gateway: GatewayOfWorkers,
) -> None:
    await send(gateway, "/shop/1")

    answer = await gateway.request("POST", "/config/diff", data=b"routes: []")

    assert answer.status == 200, answer.body
    assert answer.json()["requests"]["looked_at"] == COUNT


async def test_a_key_is_known_to_all_workers_when_a_call_is_answered_and_so_is_its_end(
    gateway: GatewayOfWorkers,
) -> None:
    made = await gateway.request("POST", "/keys", data=json.dumps({"name": "a"}))
    assert made.status == 201, made.body
    key = {"X-API-Key": made.json()["key"]}
    await send(gateway, "/shut/1", **key)

    assert (await gateway.request("DELETE", f"/keys/{made.json()['id']}")).status == 204
    await send(gateway, "/shut/1", status=401, **key)


async def test_callers_of_versions_are_those_of_all_workers(
    gateway: GatewayOfWorkers, start_upstream: StartUpstream
) -> None:
    upstream: ScriptedUpstream = await start_upstream(ANSWER)
    await gateway.register("orders", upstream.port, version="1.0.0")

    async def healthy_in_all() -> bool:
        asked = [(await told(gateway, "/status"))["services"] for _ in range(8)]
        return all(services.get("orders", {}).get("healthy") == 1 for services in asked)

    await eventually(healthy_in_all, within_s=60)
    await send(gateway, "/old/1")

    for _ in range(4):
        (route,) = (await told(gateway, "/versions"))["routes"]
        (version,) = route["versions"]
        assert (version["version"], version["requests"]) == ("1", COUNT)
        assert [(one["name"], one["requests"]) for one in version["callers"]] == [("Python", COUNT)]


async def test_an_answer_names_the_workers_that_have_not_answered(
    gateway: GatewayOfWorkers,
) -> None:
    url = quote(f"http://127.0.0.1:{gateway.port}/shop/1", safe="")
    paths = ("/versions", "/cache", f"/cache/show?url={url}", "/mirrors")

    async def missing() -> list[Any]:
        answers = await asyncio.gather(
            *(gateway.request("GET", path) for path in paths),
            gateway.request("POST", "/config/diff", data=b"routes: []"),
        )
        assert {one.status for one in answers} == {200}
        return [one.json().get("missing_workers") for one in answers]

    assert await missing() == [None] * 5
    _, hangs = gateway.workers
    os.kill(hangs, signal.SIGSTOP)
    try:
        assert await missing() == [[1]] * 5
    finally:
        os.kill(hangs, signal.SIGCONT)


async def test_an_instance_is_known_to_all_workers_when_the_call_is_answered(
    gateway: GatewayOfWorkers,
) -> None:
    for number in range(20):
        path = f"/services/found{number}/instances/a"
        await gateway.put(path, 9)
        await send(gateway, f"/services/found{number}", count=4)


async def test_a_purge_reaches_all_workers_while_the_registry_is_away(
    tmp_path: Path, own_registry: RegistryServer, start_upstream: StartUpstream
) -> None:
    upstream: ScriptedUpstream = await start_upstream(ANSWER)
    file = tmp_path / "lockgate.yaml"
    file.write_text(FILE.format(port=upstream.port))
    async with gateway_of_workers(tmp_path, own_registry.url, GATEWAY_CONFIG=str(file)) as gateway:
        url = f"http://127.0.0.1:{gateway.port}/shop/1"

        async def kept_by() -> int:
            shown = await told(gateway, f"/cache/show?url={quote(url, safe='')}")
            return int(shown["workers"]["served"])

        async def kept_by_both() -> bool:
            await send(gateway, "/shop/1")
            return await kept_by() == 2

        await eventually(kept_by_both, within_s=60)
        own_registry.kill()

        purged = await gateway.request("POST", "/cache/purge", data=json.dumps({"url": url}))

        assert (purged.status, purged.json()["purged"]) == (202, 2), purged.body
        assert await kept_by() == 0
