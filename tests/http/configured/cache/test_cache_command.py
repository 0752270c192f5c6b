"""`lockgate cache` against a real gateway."""

import json
from pathlib import Path

import pytest

from tests.http.configured.cache.test_cache_endpoints import FILE
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.caching import HOST, Numbered, ask
from tests.support.gateways import ADMIN_TOKEN, RunningGateway

URL = f"http://{HOST}/shop/1"


@pytest.fixture
async def configured(start_configured: StartConfigured) -> Configured:
    return await start_configured(FILE, Numbered({b"Cache-Tag": b"product-7"}))


@pytest.fixture
async def gateway(configured: Configured) -> RunningGateway:
    await ask(configured.gateway, "/shop/1")
    return configured.gateway


def at(gateway: RunningGateway) -> list[str]:
    return ["--url", gateway.url, "--token", ADMIN_TOKEN]


@pytest.mark.parametrize(
    "what", [[URL], ["/shop/1"], ["--prefix", "/shop/"], ["--tag", "product-7"]]
)
async def test_purge_says_how_many_answers_are_gone(
    gateway: RunningGateway, tmp_path: Path, what: list[str]
) -> None:
    done = await lockgate(tmp_path, "cache", "purge", *what, *at(gateway))
    assert done == (0, "purged: 1 answer\n", "")
    status, out, error = await lockgate(tmp_path, "cache", "purge", *what, *at(gateway))
    assert (status, out) == (0, "purged: 0 answers\n")
    assert "nothing was kept there" in error


async def test_a_soft_purge_as_json(gateway: RunningGateway, tmp_path: Path) -> None:
    status, out, error = await lockgate(
        tmp_path, "cache", "purge", URL, "--soft", "--json", *at(gateway)
    )
    assert (status, json.loads(out), error) == (0, {"purged": 1}, "")


@pytest.mark.parametrize("what", [[], [URL, "--tag", "a"], ["--prefix", "/", "--tag", "a"]])
async def test_purge_wants_to_know_one_thing(
    gateway: RunningGateway, tmp_path: Path, what: list[str]
) -> None:
    status, out, error = await lockgate(tmp_path, "cache", "purge", *what, *at(gateway))
    assert (status, out) == (2, "")
    assert "say what is purged: a URL, --prefix or --tag" in error


async def test_a_refusal_says_why(gateway: RunningGateway, tmp_path: Path) -> None:
    status, _, error = await lockgate(tmp_path, "cache", "purge", "shop/1", *at(gateway))
    assert status == 1
    assert "url: must be a URL such as https://shop.example.com/items/7" in error


async def test_show_says_whether_it_would_be_served(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    status, out, error = await lockgate(tmp_path, "cache", "show", URL, *at(gateway))
    assert (status, error) == (0, "")
    first, *rest = out.splitlines()
    assert first.startswith("served from the cache: it is fresh for another ")
    assert "  tags          product-7" in rest
    status, out, _ = await lockgate(
        tmp_path, "cache", "show", URL, "--header", "Cache-Control: no-cache", *at(gateway)
    )
    assert status == 1
    assert out.startswith("not served from the cache: the request wants a fresher one\n")


async def test_show_as_json(gateway: RunningGateway, tmp_path: Path) -> None:
    status, out, _ = await lockgate(tmp_path, "cache", "show", URL, "--json", *at(gateway))
    assert status == 0
    assert json.loads(out)["tags"] == ["product-7"]


async def test_stats_are_a_table_by_route(gateway: RunningGateway, tmp_path: Path) -> None:
    await ask(gateway, "/shop/1")
    status, out, error = await lockgate(tmp_path, "cache", "stats", *at(gateway))
    assert (status, error) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "shop 1 1 50.0% 0 1 0" in lines
    assert any(line.startswith("memory: 1 answer, ") for line in lines)
    assert "misses: 1 uri-miss" in lines
    status, out, _ = await lockgate(tmp_path, "cache", "stats", "--json", *at(gateway))
    assert json.loads(out)["hits"] == {"fresh": 1}


async def test_stats_say_that_no_route_has_a_cache(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    file = "routes: [{name: shop, match: {prefix: /}, service: order_service}]"
    gateway = (await start_configured(file, Numbered())).gateway
    status, out, error = await lockgate(tmp_path, "cache", "stats", *at(gateway))
    assert (status, error) == (0, "")
    assert out.splitlines()[-1] == "no route of the gateway's file has a cache"
    assert "registry is away" not in out
