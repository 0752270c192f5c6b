"""Each key of `cache` does what it says, wherever it stands in the file, and from the moment of a reload."""

import re

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_what_survives import reload
from tests.support.caching import Numbered, ask, status_of
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawAnswer

SAYS_NOTHING = {b"Cache-Control": b"no-transform"}
LEVELS = """
    defaults: {limits: null, cache: {default_ttl: 10m}}
    services: {order_service: {cache: {ignore_query: [utm]}}, other_service: {cache: null}}
    routes:
      - {name: none, match: {prefix: /none}, service: order_service, cache: null}
      - {name: own, match: {prefix: /own}, service: order_service, cache: {default_ttl: 0}}
      - {name: here, match: {path: /here}, respond: {body: here}}
      - {name: rest, match: {prefix: /}, service: order_service}
"""


def one_route(cache: str) -> str:
    route = f"{{name: r, match: {{prefix: /}}, service: order_service, cache: {cache}}}"
    return f"defaults: {{limits: null}}\nroutes: [{route}]\n"


async def twice(gateway: RunningGateway, path: str, *fields: str) -> list[bytes]:
    """What a path answers, asked for two times."""
    return [(await ask(gateway, path, *fields)).body for _ in range(2)]


def said(answer: RawAnswer) -> list[bytes]:
    return answer.values(b"cache-status")


@pytest.mark.parametrize(
    ("path", "is_kept"), [("/x", True), ("/own", False), ("/none", False), ("/api/order", True)]
)
async def test_a_route_has_the_keys_of_the_most_specific_level(
    start_configured: StartConfigured, path: str, is_kept: bool
) -> None:
    configured = await start_configured(LEVELS, Numbered(SAYS_NOTHING))
    first, second = await twice(configured.gateway, path)
    assert (first == second) is is_kept


async def test_a_route_takes_over_what_its_service_says(start_configured: StartConfigured) -> None:
    configured = await start_configured(LEVELS, Numbered(SAYS_NOTHING))
    first = await ask(configured.gateway, "/x?utm=1")
    second = await ask(configured.gateway, "/x?utm=2")
    assert first.body == second.body
    assert configured.upstream.requests[-1].target == b"/x"


async def test_a_route_without_a_cache_says_nothing_of_one(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(LEVELS, Numbered(SAYS_NOTHING))
    for path in ("/none", "/here"):
        assert said(await ask(configured.gateway, path)) == []


async def test_a_cookie_reaches_nobody_from_an_answer_that_is_kept(
    start_configured: StartConfigured,
) -> None:
    upstream = Numbered({b"Set-Cookie": b"a=1"})
    configured = await start_configured(one_route("{strip_set_cookie: true}"), upstream)
    answers = [await ask(configured.gateway, "/x") for _ in range(2)]
    assert [answer.body for answer in answers] == [b"1", b"1"]
    assert [answer.values(b"set-cookie") for answer in answers] == [[], []]


async def test_an_answer_with_a_cookie_is_each_clients_own(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(one_route("{}"), Numbered({b"Set-Cookie": b"a=1"}))
    answers = [await ask(configured.gateway, "/x") for _ in range(2)]
    assert [answer.body for answer in answers] == [b"1", b"2"]
    assert [answer.values(b"set-cookie") for answer in answers] == [[b"a=1"], [b"a=1"]]
    assert "detail=set-cookie" in status_of(answers[0])


@pytest.mark.parametrize(
    ("cache", "is_shared", "is_seen"),
    [
        ("{}", False, True),
        ("{ignore_headers: [X-Debug]}", True, False),
        ("{vary_headers: [X-Debug]}", True, True),
        ('{vary_headers: ["*"]}', True, True),
    ],
)
async def test_a_header_tells_answers_apart_unless_the_file_says_otherwise(
    start_configured: StartConfigured, cache: str, is_shared: bool, is_seen: bool
) -> None:
    configured = await start_configured(one_route(cache), Numbered())
    first = await ask(configured.gateway, "/x", "X-Debug: 1")
    second = await ask(configured.gateway, "/x", "X-Debug: 2")
    assert (first.body == second.body) is is_shared
    received = configured.upstream.requests
    assert bool(received[0].values(b"x-debug")) is is_seen


async def test_a_header_that_is_left_to_vary_may_be_in_the_key(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(one_route("{key_headers: [Accept-Language]}"), Numbered())
    answers = [await ask(configured.gateway, "/x", f"Accept-Language: {one}") for one in "ab"]
    assert [answer.body for answer in answers] == [b"1", b"2"]


@pytest.mark.parametrize(("cache", "ttl"), [("{targeted: [CDN-Cache-Control]}", 9), ("{}", 600)])
async def test_a_header_for_this_cache_takes_the_place_of_cache_control(
    start_configured: StartConfigured, cache: str, ttl: int
) -> None:
    upstream = Numbered({b"CDN-Cache-Control": b"max-age=9"})
    configured = await start_configured(one_route(cache), upstream)
    status = status_of(await ask(configured.gateway, "/x"))
    told = re.fullmatch(r"lockgate; fwd=uri-miss; fwd-status=200; ttl=(\d+); stored", status)
    assert told is not None, status
    # The time that the service takes counts for the age of its answer.
    assert ttl - 8 <= int(told[1]) <= ttl


async def test_a_larger_body_than_the_file_allows_passes(start_configured: StartConfigured) -> None:
    body = b"x" * 1025
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nContent-Length: 1025\r\n\r\n" + body
    configured = await start_configured(one_route("{object: 1KiB}"), answer)
    answers = [await ask(configured.gateway, "/x") for _ in range(2)]
    assert [answer.body for answer in answers] == [body, body]
    assert "detail=too-large" in status_of(answers[0])
    assert len(configured.upstream.requests) == 2


async def test_what_is_kept_survives_a_reload_and_new_keys_hold_from_then_on(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(one_route("{default_ttl: 10m}"), Numbered(SAYS_NOTHING))
    gateway = configured.gateway
    assert (await ask(gateway, "/x")).body == b"1"

    await reload(configured, one_route("{default_ttl: 0}"))
    assert (await ask(gateway, "/x")).body == b"1"
    assert await twice(gateway, "/y") == [b"2", b"3"]

    await reload(configured, one_route("null"))
    assert (await ask(gateway, "/x")).body == b"4"
    assert said(await ask(gateway, "/x")) == []
