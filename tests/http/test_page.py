"""GET /: a page for people, JSON for programs, and how much of the inside each may see."""

import asyncio
import re
from pathlib import Path

import pytest

from discovery import AsyncServiceRegistry
from tests.conftest import StartGateway, StartUpstream
from tests.http.test_large_listings import register
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process
from tests.support.gateways import ADMIN_TOKEN, Answer, RunningGateway
from tests.support.pages import Page
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import RegistryServer, free_port

HTML = {"Accept": "text/html"}
#: Fields of a client behind a proxy on this machine.
ELSEWHERE = HTML | {"X-Forwarded-For": "203.0.113.9"}
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
FOUND_ILL = "GET /probe answers 404, expected 200 to 299"


async def page_of(gateway: RunningGateway, headers: dict[str, str] = HTML) -> Page:
    answer = await gateway.get("/", headers=headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(answer.body.decode())


async def became(gateway: RunningGateway, key: str, status: str) -> None:
    await eventually(lambda: gateway.member.health.status(key) == status)


async def test_programs_are_told_the_routes(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("price_service", upstream.port)
    await gateway.register("orders", upstream.port)

    answer = await gateway.get("/")

    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    assert list(document) == ["service", "version", "routes"]
    assert document["service"] == "api_gateway"
    assert document["version"] == (await gateway.get("/status")).json()["version"]
    assert document["routes"] == [
        {"route": "/api/orders", "service": "orders"},
        {"route": "/api/price", "service": "price_service"},
    ]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("text/html", "text/html"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ],
)
async def test_the_accept_field_decides_and_caches_are_told(
    start_gateway: StartGateway, accept: str | None, kind: str
) -> None:
    gateway = await start_gateway()
    field = b"" if accept is None else b"Accept: %b\r\n" % accept.encode()
    client = await RawClient.connect(gateway.port)

    await client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n%b\r\n" % field)
    head = await client.answer(to_head=True)
    await client.send(b"GET / HTTP/1.1\r\nHost: h\r\n%b\r\n" % field)
    got = await client.answer()

    for answer in (head, got):
        assert answer.status == 200
        assert answer.values(b"content-type")[0].decode().startswith(kind)
        assert answer.values(b"vary") == [b"Accept"]
        assert answer.values(b"cache-control") == [b"no-store"]
    assert head.values(b"content-length") == [b"%d" % len(got.body)]
    await client.close()


async def test_several_accept_fields_are_one(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    headers = [("Accept", "application/json;q=0.5"), ("Accept", "text/html")]

    answer = await gateway.get("/", headers=headers)

    assert answer.headers["Content-Type"].startswith("text/html")


async def test_the_page_lets_nothing_in_and_is_framed_by_nobody(
    start_gateway: StartGateway,
) -> None:
    answer = await (await start_gateway()).get("/", headers=HTML)

    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy.pop("style-src"))
    assert policy == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Correlation-ID"]


async def test_services_instances_state_reason_and_route_are_on_the_page(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    ill = await start_upstream(NOT_FOUND)
    await gateway.register("price_service", upstream.port, "p1", version="2.3.4")
    await gateway.register("orders", ill.port, "o1", routable=False, health_check_url="/probe")
    await became(gateway, "orders/o1", "unhealthy")

    page = await page_of(gateway)

    assert "2 services, 2 instances, 1 healthy" in page.texts
    for text in (
        *("price_service", "/api/price/", "p1", f"http://127.0.0.1:{upstream.port}", "2.3.4"),
        *("1 of 1 healthy", "orders", "/api/orders/", "o1", "unhealthy", "0 of 1 healthy"),
    ):
        assert text in page.texts
    assert f"1 unhealthy: {FOUND_ILL}, at 127.0.0.1:{ill.port}" in page.texts


async def test_the_reason_is_word_for_word_what_the_503_says(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, ill = await start_gateway(), await start_upstream(NOT_FOUND)
    await gateway.register("orders", ill.port, "o1", routable=False, health_check_url="/probe")
    await gateway.register("orders", free_port(), "o2", routable=False, weight=0)
    await became(gateway, "orders/o1", "unhealthy")
    await became(gateway, "orders/o2", "unhealthy")

    for headers in (HTML, ELSEWHERE):
        detail = (await gateway.get("/api/orders", headers=headers)).json()["detail"]
        why = detail.partition("is available now: ")[2]
        assert why.startswith("2 unhealthy: ")
        assert why in (await page_of(gateway, headers)).texts


async def test_without_the_token_nothing_of_the_inside_is_on_the_page(
    start_gateway: StartGateway, registry_url: str
) -> None:
    gateway = await start_gateway()
    async with AsyncServiceRegistry(registry_url) as registry:
        await registry.register_service(
            *("orders", "169.254.1.2", 80),
            instance_id="o1",
            health_check_url="/probe?key=s3cret",
            metadata={"owner": "s3cret"},
        )
    await became(gateway, "orders/o1", "unhealthy")
    token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    public = await page_of(gateway, ELSEWHERE)
    wrong = await page_of(gateway, ELSEWHERE | {"Authorization": "Bearer wrong"})
    operator = await page_of(gateway, ELSEWHERE | token)
    here = await page_of(gateway)

    never = "connect failed: the address is never connected to"
    for page in (public, wrong):
        assert f"1 unhealthy: {never}" in page.texts
    for page in (operator, here):
        assert re.search(re.escape(never) + r" \(.+\), at 169\.254\.1\.2:80", page.text)
    for page in (public, wrong, operator, here):
        assert "s3cret" not in page.text
        assert "probe" not in " ".join(page.links)


async def test_every_link_of_the_page_answers_200(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    ill = await start_upstream(NOT_FOUND)
    await gateway.register("price_service", upstream.port, health_check_url="/health")
    await gateway.register("orders", ill.port, routable=False, health_check_url="/probe")
    await became(gateway, "orders/i1", "unhealthy")

    page = await page_of(gateway)

    assert "api/price/health" in page.links
    assert not [link for link in page.links if link.startswith("api/orders")]
    await all_answer(gateway, page)


async def all_answer(gateway: RunningGateway, page: Page) -> None:
    assert len(page.links) > 5
    for link in page.links:
        assert (await gateway.get(f"/{link}")).status == 200, link


async def test_on_a_port_of_the_admins_own_no_link_leads_to_a_route(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream, port = await start_upstream(), free_port()
    admins = f"127.0.0.1:{port}"
    async with gateway_process(tmp_path, registry_url, ADMIN_LISTEN=admins) as gateway:
        await gateway.register("orders", upstream.port, at=port, health_check_url="/health")

        public = await gateway.request("GET", "/", headers=HTML)
        page = Page((await gateway.request("GET", "/", port=port, headers=HTML)).body.decode())

        assert (public.status, public.reason) == (404, "route_not_found")
        assert {"1 of 1 healthy", "/api/orders/"} <= set(page.texts)
        assert "services/orders" in page.links
        for link in page.links:
            assert (await gateway.request("GET", f"/{link}", port=port)).status == 200, link


async def test_without_a_view_the_page_says_so_and_programs_are_told_503(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    own_registry.kill()
    async with gateway_process(tmp_path, own_registry.url, started=False) as gateway:
        await eventually(lambda: gateway.logs("gateway.started"), within_s=20)

        page = await gateway.request("GET", "/", headers=HTML)
        routes = await gateway.request("GET", "/")

    assert page.status == 200
    assert "Nothing is known of the services yet" in Page(page.body.decode()).texts
    assert (routes.status, routes.reason) == (503, "no_view")


async def test_without_services_the_page_says_what_to_do_next(start_gateway: StartGateway) -> None:
    page = await page_of(await start_gateway())

    assert "No service is registered" in page.texts
    assert "lockgate register" in page.text


async def test_a_registry_that_is_away_is_said_on_the_page_with_the_age_of_the_view(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    gateway, upstream = await start_gateway(REDIS_URL=own_registry.url), await start_upstream()
    await gateway.register("orders", upstream.port)
    own_registry.kill()
    await eventually(lambda: not gateway.member.watcher.connected)

    page = await page_of(gateway)

    assert "orders" in page.texts
    assert re.search(r"The registry does not answer\. This is the last view, \d+ s old", page.text)


async def test_a_thousand_instances_make_a_page_that_is_read_at_once(
    start_gateway: StartGateway, registry_url: str
) -> None:
    await register(registry_url, 3000)
    gateway = await start_gateway()
    view = gateway.member.watcher
    await eventually(lambda: {one.status for one in view.view.entries()} == {"healthy"})

    answers: list[Answer] = await asyncio.gather(
        *(gateway.get("/", headers=HTML) for _ in range(20))
    )

    assert len({answer.body for answer in answers}) == 1  # made once for all
    assert len(answers[0].body) < 400_000
    page = Page(answers[0].body.decode())
    assert "10 services, 3,000 instances, 3,000 healthy" in page.texts
    assert "250 more instances" in page.text
    await all_answer(gateway, page)
