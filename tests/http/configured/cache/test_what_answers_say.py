"""What Cache-Status says on each answer of a route with a cache, also on those that the gateway makes."""

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.caching import Numbered, ask, status_of

FILE = """
    auth: {keys: {type: api_key}}
    limits:
      one: {requests: 1, window: 1h, by: everyone}
    defaults: {auth: none, limits: null}
    routes:
      - {name: shop, match: {prefix: /shop}, service: order_service, cache: {}}
      - {name: one, match: {prefix: /one}, service: order_service, cache: {}, limits: [one]}
      - {name: keys, match: {prefix: /members}, service: order_service, cache: {}, auth: {any_of: [keys]}}
      - {name: inside, match: {prefix: /inside}, service: order_service, cache: {}, allow: {from: [10.0.0.0/8]}}
      - {name: gone, match: {prefix: /gone}, service: gone_service, cache: {}}
      - {name: plain, match: {prefix: /plain}, service: order_service, allow: {from: [10.0.0.0/8]}}
"""


@pytest.fixture
def upstream() -> Numbered:
    return Numbered()


@pytest.fixture
async def configured(start_configured: StartConfigured, upstream: Numbered) -> Configured:
    return await start_configured(FILE, upstream)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/members", 401, "lockgate; detail=own-answer"),
        ("/inside", 403, "lockgate; detail=own-answer"),
        ("/gone", 503, "lockgate; fwd=uri-miss; detail=own-answer"),
    ],
)
async def test_an_answer_of_the_gateways_own_says_so(
    configured: Configured, path: str, status: int, said: str
) -> None:
    answer = await ask(configured.gateway, path)
    assert (answer.status, status_of(answer)) == (status, said)


async def test_a_limit_that_is_reached_says_so(configured: Configured) -> None:
    assert status_of(await ask(configured.gateway, "/one/a")).endswith("stored")
    refused = await ask(configured.gateway, "/one/a")
    assert (refused.status, status_of(refused)) == (429, "lockgate; detail=own-answer")


async def test_a_change_that_no_service_takes_says_so(configured: Configured) -> None:
    answer = await configured.gateway.request("POST", "/gone")
    assert answer.status == 503
    assert answer.headers["Cache-Status"] == "lockgate; fwd=method; detail=own-answer"


async def test_a_refusal_of_a_route_without_a_cache_says_nothing_of_one(
    configured: Configured,
) -> None:
    answer = await ask(configured.gateway, "/plain")
    assert answer.status == 403
    assert answer.values(b"cache-status") == []


async def test_each_answer_says_why_it_is_not_kept_and_is_counted(
    configured: Configured, upstream: Numbered
) -> None:
    """Also those behind the first, which wait for nobody."""
    upstream.fields = {b"Cache-Control": b"private"}
    private = [status_of(await ask(configured.gateway, "/shop/1")) for _ in range(3)]
    assert private == ["lockgate; fwd=uri-miss; fwd-status=200; detail=private"] * 3
    upstream.fields = {b"Cache-Control": b"no-store"}
    assert status_of(await ask(configured.gateway, "/shop/1")).endswith("detail=no-store")
    upstream.fields = {b"Cache-Control": b"max-age=60"}
    said = [status_of(await ask(configured.gateway, "/shop/1")) for _ in range(3)]
    assert said[0].endswith("detail=hit-for-miss")
    assert said[1].endswith("stored")
    assert said[2].startswith("lockgate; hit")
    counts = (await configured.gateway.admin("GET", "/cache")).json()["not_stored"]
    assert counts == {"private": 3, "no-store": 1, "hit-for-miss": 1}
