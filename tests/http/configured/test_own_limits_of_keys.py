"""A key's own limit, beside those of the route."""

from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_api_keys import FILE
from tests.support.api_keys import make_key, status_with


async def test_a_key_is_limited_by_its_own_limit_on_all_routes_together(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    gateway = configured.gateway
    limited = await make_key(gateway, "limited", limit="3/1h", scopes=["orders:read"])
    free = await make_key(gateway, "free")
    answer = await gateway.get("/a", headers={"X-API-Key": limited["key"]})
    assert answer.headers["RateLimit-Policy"] == '"key";q=3;w=3600'
    assert answer.headers["RateLimit"].startswith('"key";r=2;t=')
    assert [await status_with(gateway, limited["key"], path) for path in ("/read", "/kept")] == [
        200,
        200,
    ]
    answer = await gateway.get("/a", headers={"Authorization": f"Bearer {limited['key']}"})
    assert (answer.status, answer.reason) == (429, "rate_limited")
    assert [await status_with(gateway, free["key"]) for _ in range(5)] == [200] * 5


async def test_a_new_key_of_a_rotation_goes_on_with_the_limit(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    gateway = configured.gateway
    made = await make_key(gateway, "limited", limit="2/1h")
    assert await status_with(gateway, made["key"]) == 200
    rotated = (await gateway.admin("POST", f"/keys/{made['id']}/rotate")).json()
    statuses = [await status_with(gateway, one["key"]) for one in (rotated, rotated, made)]
    assert statuses == [200, 429, 429]


async def test_the_limits_of_the_route_hold_too(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        FILE + "limits: {plan: {requests: 2, window: 1h, by: subject}}\n",
    )
    configured.write(
        configured.file.read_text().replace(
            "{name: a, match: {prefix: /a}, service: order_service}",
            "{name: a, match: {prefix: /a}, service: order_service, limits: [plan]}",
        )
    )
    gateway = configured.gateway
    assert (await gateway.admin("POST", "/config/reload")).status == 200
    made = await make_key(gateway, "limited", limit="5/1h")
    other = await make_key(gateway, "other", limit="1/1h")
    assert [await status_with(gateway, made["key"]) for _ in range(3)] == [200, 200, 429]
    assert [await status_with(gateway, other["key"]) for _ in range(2)] == [200, 429]
