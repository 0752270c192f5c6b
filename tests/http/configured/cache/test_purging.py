"""Purges over gateways that share a registry: an answer that is purged is gone from all of them."""

import pytest
import redis

from middlewares.cache.purging.purging import Purging
from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.caching import HOST, Numbered, ask, bodies, purge
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.gateways import RunningGateway
from tests.support.registry_servers import RegistryServer

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stale_while_revalidate: 0s}
"""


@pytest.fixture
def upstream() -> Numbered:
    return Numbered({b"Cache-Tag": b"product-7, all"})


@pytest.fixture
async def configured(start_configured: StartConfigured, upstream: Numbered) -> Configured:
    return await start_configured(FILE, upstream)


async def follows(gateway: RunningGateway) -> Purging:
    """The Purging of a gateway that has heard of the registry's log."""
    remembering = gateway.gateway.remembering
    assert remembering is not None
    purging = remembering.purging
    await eventually(lambda: purging.is_current)
    return purging


@pytest.fixture
async def gateways(configured: Configured, start_gateway: StartGateway) -> list[RunningGateway]:
    others = [await start_gateway(GATEWAY_CONFIG=str(configured.file)) for _ in range(3)]
    found = [configured.gateway, *others]
    for one in others:
        await one.register("order_service", configured.upstream.port, health_check_url="/health")
    for one in found:
        await follows(one)
    return found


async def test_a_purge_is_done_in_each_of_four_gateways_when_it_is_answered(
    gateways: list[RunningGateway],
) -> None:
    for round_ in range(20):
        path = f"/items/{round_}"
        before = await bodies(gateways, path)
        assert await bodies(gateways, path) == before, "it is kept"
        answer = await purge(gateways[round_ % 4], url=f"http://{HOST}{path}")
        assert (answer.status, answer.json()) == (200, {"purged": 4})
        after = await bodies(gateways, path)
        assert not set(after) & set(before)


@pytest.mark.parametrize(
    "asked",
    [
        {"prefix": "/items/"},
        {"prefix": f"http://{HOST}/items"},
        {"prefix": f"http://{HOST.upper()}:80"},
        {"tag": "product-7"},
        {"url": "/items/1"},
    ],
)
async def test_what_is_purged_is_named_by_prefix_tag_or_path(
    gateways: list[RunningGateway], asked: dict[str, str]
) -> None:
    two = gateways[:2]
    before = await bodies(two, "/items/1")
    assert (await purge(two[0], **asked)).json() == {"purged": 2}
    assert not set(await bodies(two, "/items/1")) & set(before)


async def test_other_answers_stay(gateways: list[RunningGateway]) -> None:
    two = gateways[:2]
    before = await bodies(two, "/items/12")
    for asked in ({"url": "/items/1"}, {"prefix": "/items/2"}, {"tag": "product-71"}):
        assert (await purge(two[0], **asked)).json() == {"purged": 0}
    assert await bodies(two, "/items/12") == before


async def test_after_a_soft_purge_the_service_is_asked_whether_it_has_changed(
    gateways: list[RunningGateway], configured: Configured, upstream: Numbered
) -> None:
    upstream.fields[b"ETag"] = b'"v1"'
    (first,) = gateways[:1]
    await ask(first, "/items/1")
    assert (await purge(first, tag="all", soft=True)).json() == {"purged": 1}
    await ask(first, "/items/1")
    assert configured.upstream.requests[-1].values(b"if-none-match") == [b'"v1"']


async def test_an_unsafe_request_through_one_gateway_invalidates_in_all(
    gateways: list[RunningGateway],
) -> None:
    before = await bodies(gateways, "/items/1")
    assert (await ask(gateways[0], "/items/1", "Content-Length: 0", method="POST")).status == 200
    assert await bodies(gateways[:1], "/items/1") != before[:1], "here at once"

    async def is_gone_everywhere() -> bool:
        return not set(await bodies(gateways[1:], "/items/1")) & set(before)

    await eventually(is_gone_everywhere)


async def test_a_gateway_that_was_cut_off_purges_when_it_is_back_and_drops_nothing_else(
    start_configured: StartConfigured, start_gateway: StartGateway, own_registry: RegistryServer
) -> None:
    configured = await start_configured(FILE, Numbered(), REDIS_URL=own_registry.url)
    async with Forwarder(own_registry.port) as way:
        cut_off = await start_gateway(
            GATEWAY_CONFIG=str(configured.file), REDIS_URL=f"redis://127.0.0.1:{way.port}/0"
        )
        await cut_off.register(
            "order_service", configured.upstream.port, health_check_url="/health"
        )
        both = [configured.gateway, cut_off]
        for one in both:
            await follows(one)
        purged, kept = await bodies(both, "/purged"), await bodies(both, "/kept")
        way.target = 1
        await way.cut()
        purging = await follows_not(cut_off)
        answer = await purge(configured.gateway, url="/purged")
        assert answer.status == 200
        assert answer.json()["purged"] == 1
        way.target = own_registry.port
        await eventually(lambda: purging.is_current)
        assert not set(await bodies(both, "/purged")) & set(purged)
        assert await bodies(both, "/kept") == kept


async def follows_not(gateway: RunningGateway) -> Purging:
    remembering = gateway.gateway.remembering
    assert remembering is not None
    await eventually(lambda: not remembering.purging.is_current)
    return remembering.purging


async def test_a_purge_that_nobody_else_has_heard_of_is_202_and_done_later(
    start_configured: StartConfigured, start_gateway: StartGateway, own_registry: RegistryServer
) -> None:
    configured = await start_configured(FILE, Numbered(), REDIS_URL=own_registry.url)
    async with Forwarder(own_registry.port) as way:
        cut_off = await start_gateway(
            GATEWAY_CONFIG=str(configured.file), REDIS_URL=f"redis://127.0.0.1:{way.port}/0"
        )
        await cut_off.register(
            "order_service", configured.upstream.port, health_check_url="/health"
        )
        both = [configured.gateway, cut_off]
        for one in both:
            await follows(one)
        before = await bodies(both, "/x")
        way.target = 1
        await way.cut()
        answer = await purge(cut_off, url="/x")
        assert answer.status == 202
        assert answer.json()["purged"] == 1
        assert "does not answer" in answer.json()["detail"]
        assert await bodies(both[:1], "/x") == before[:1]
        way.target = own_registry.port

        async def is_gone() -> bool:
            return await bodies(both[:1], "/x") != before[:1]

        await eventually(is_gone)


async def test_gateways_whose_registry_was_flushed_ask_anew(
    gateways: list[RunningGateway], registry_url: str, configured: Configured
) -> None:
    before = await bodies(gateways, "/x")
    with redis.Redis.from_url(registry_url) as client:
        client.delete(*client.scan_iter("*:cache:*"))

    async def all_dropped() -> bool:
        return not set(await bodies(gateways, "/x")) & set(before)

    await eventually(all_dropped)
