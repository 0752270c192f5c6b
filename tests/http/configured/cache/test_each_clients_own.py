"""What belongs to one client, on answers that are kept for all."""

import asyncio

from tests.http.configured.cache.test_poisoning import hit, telling
from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

FILE = """
    limits: {many: {requests: 100, window: 60s}, one: {requests: 1, window: 60s}}
    defaults:
      cache: {}
    routes:
      - {name: all, match: {prefix: /}, service: order_service}
      - {name: limited, match: {prefix: /limited}, service: order_service, limits: [many]}
      - {name: once, match: {prefix: /once}, service: order_service, limits: [one]}
      - {name: denied, match: {prefix: /, host: denied.example}, service: order_service, deny: {from: [127.0.0.0/8]}}
      - name: cors
        match: {prefix: /cors}
        service: order_service
        cache: {ignore_headers: [Origin]}
        cors: {origins: ["https://a.example", "https://b.example"], credentials: true}
"""
OWN_CORS = (
    b"Access-Control-Allow-Origin: https://evil.example",
    b"Access-Control-Allow-Credentials: true",
)


async def test_each_page_is_told_of_its_own_origin(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, telling(*OWN_CORS))
    for number, name in enumerate(["a", "b", "evil", "a"]):
        origin = f"https://{name}.example"
        answer = await configured.ask("/cors", f"Origin: {origin}")
        assert hit(answer) == bool(number)
        allowed = [] if name == "evil" else [origin.encode()]
        assert answer.values(b"access-control-allow-origin") == allowed
    assert len(configured.upstream.requests) == 1


async def test_each_client_is_told_of_its_own_limit(start_configured: StartConfigured) -> None:
    service = telling(b"RateLimit: evil", b"RateLimit-Policy: evil")
    configured = await start_configured(FILE, service)
    answers = [await configured.ask("/limited") for _ in range(3)]
    assert [hit(answer) for answer in answers] == [False, True, True]
    left = [answer.values(b"ratelimit")[0].split(b";")[:2] for answer in answers]
    assert left == [[b'"many"', b"r=%d" % number] for number in (99, 98, 97)]
    assert all(b"evil" not in answer.head for answer in answers)


async def test_what_is_kept_is_refused_to_those_who_may_not_have_it(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, telling())
    assert (await configured.ask("/once")).status == 200
    assert (await configured.ask("/once")).status == 429
    assert (await configured.ask("/a")).status == 200
    assert (await configured.ask("/a", host="denied.example")).status == 403


async def test_each_answer_has_its_own_correlation_id(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, telling(b"X-Correlation-ID: evil"))
    for number in range(3):
        answer = await configured.ask("/a", f"X-Correlation-ID: mine-{number}")
        assert answer.values(b"x-correlation-id") == [f"mine-{number}".encode()]
        assert hit(answer) == bool(number)


async def test_answers_come_in_the_order_of_the_requests(start_configured: StartConfigured) -> None:
    """Also where the first has to be waited for and the second is kept."""
    tell, go_on = telling(), asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/slow":
            await go_on.wait()
        await tell(received, writer)

    configured = await start_configured(FILE, answer)
    await configured.ask("/kept")
    paths = [b"/kept", b"/slow", b"/kept", b"/kept?2", b"/kept"]
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(
            b"".join(b"GET %b HTTP/1.1\r\nHost: a.example\r\n\r\n" % p for p in paths)
        )
        first = await client.answer()
        go_on.set()
        answers = [first] + [await client.answer() for _ in paths[1:]]
    assert [one.body.split(b" ")[1] for one in answers] == paths
    assert [hit(one) for one in answers] == [True, False, True, False, True]


async def test_a_body_that_is_not_read_does_not_become_the_next_request(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, telling())
    await configured.ask("/kept")
    inner = b"GET /evil HTTP/1.1\r\nHost: a.example\r\n\r\n"
    fat = b"GET /kept HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%b"
    last = b"GET /kept HTTP/1.1\r\nHost: a.example\r\n\r\n"
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(fat % (len(inner), inner) + last)
        first, second = await client.answer(), await client.answer()
    assert first.body.endswith(inner)
    assert not hit(first)
    assert hit(second)
    assert b"evil" not in second.body
    assert [one.target for one in configured.upstream.requests] == [b"/kept", b"/kept"]
