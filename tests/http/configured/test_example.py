"""The example file of the documents, with addresses that there are: each of its routes does what it says."""

import json
from pathlib import Path

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually

EXAMPLE = Path(__file__).parents[3] / "docs/examples/lockgate.yaml"
#: What the upstream of the tests can't answer: its health has no body.
BODY = "      body: ok #"
URLS = '["http://10.0.0.5:9000", "https://10.0.0.6:9443"]'
SHOP = "https://shop.example.com"


async def test_every_route_of_the_example(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    legacy = await start_upstream()
    text = EXAMPLE.read_text()
    assert URLS in text
    assert BODY in text
    text = text.replace(URLS, f'["http://127.0.0.1:{legacy.port}"]').replace(BODY, "      #")
    configured = await start_configured(text, TRUSTED_PROXIES="127.0.0.1")
    gateway = configured.gateway
    await gateway.register("shop_service", configured.upstream.port, health_check_url="/health")
    (key,) = gateway.member.view.services["legacy"]
    await eventually(lambda: gateway.member.health.status(key) == "healthy")

    from_inside = "X-Forwarded-For: 10.1.1.1"
    order = (from_inside, "X-Plan: gold", "X-Tenant: acme")
    path = "/orders/7?preview=1&version=v12"
    answer = await configured.ask(path, *order, f"Origin: {SHOP}", host="shop.example.com")
    assert answer.status == 200
    assert answer.values(b"Access-Control-Allow-Origin") == [SHOP.encode()]
    received = configured.upstream.requests[-1]
    assert received.target == b"/v2/orders/7?preview=1&version=v12"
    assert received.values(b"Host") == [b"orders.internal"]
    denied = await configured.ask(
        path, "X-Forwarded-For: 10.6.6.6", *order[1:], host="shop.example.com"
    )
    assert denied.status == 403

    assert (await configured.ask("/shop/cart", host="a.example.com")).status == 200
    received = configured.upstream.requests[-1]
    assert received.target == b"/cart"
    assert received.values(b"Host") == [f"127.0.0.1:{configured.upstream.port}".encode()]

    assert (await configured.ask("/files/a%2Fb")).status == 200
    assert legacy.requests[-1].target == b"/archive/a%2Fb"

    await gateway.register("chat_service", configured.upstream.port, health_check_url="/health")
    chat = await configured.ask("/v1/chat/completions", method="POST", body="{}")
    assert chat.status == 200
    # The other budget is a shadow, of which nobody is told.
    assert chat.values(b"RateLimit-Policy") == [b'"streamed";q=100000;w=3600']

    assert (await configured.ask("/")).body == b"here"
    # A condition does not hold, so the next route takes it.
    assert (await configured.ask("/orders/7", *order, host="shop.example.com")).body == b"here"
    old = await configured.ask("/a?b=c", host="old.example.com")
    assert (old.status, old.values(b"Location")) == (301, [f"{SHOP}/shop/a?b=c".encode()])
    gone = await configured.ask("/cart", host="old.example.com")
    assert gone.values(b"Location") == [b"http://old.example.com/shop/cart"]
    (service,) = [
        one
        for one in json.loads((await configured.ask("/services")).body)["services"]
        if one["name"] == "legacy"
    ]
    assert service["instances"][0]["source"] == "file"
