"""The renewal of tokens over several gateways: one at a time, and nobody is logged out by it.

The provider of these tests ends a log-in whose refresh token it sees twice, as RFC 9700 §4.14.2 wants it.
"""

import asyncio

import pytest

from tests.http.configured.oidc.conftest import FILE, StartGuarded
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.oidc import Browser, Provider
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer

PROGRAM = {"Accept": "application/json"}
STORES = ["store: cookie, lasts: 30d", "store: registry, lasts: 30d"]


async def together(browser: Browser, ports: list[int], number: int = 50) -> list[int]:
    """The statuses of that many requests at once, over all gateways, with the cookies as they are now."""
    cookie = browser.cookie
    answers = await asyncio.gather(
        *(
            browser.ask("/", port=ports[one % len(ports)], cookie=cookie, fields=PROGRAM)
            for one in range(number)
        )
    )
    return [answer.status for answer in answers]


@pytest.mark.parametrize("session", STORES)
async def test_50_requests_over_2_gateways_renew_tokens_that_have_ended_once(
    start_guarded: StartGuarded, provider: Provider, session: str
) -> None:
    provider.life_s = 300
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    for turn in range(1, 6):
        guarded.set_clocks(310 * turn)
        assert await together(browser, guarded.ports) == [200] * 50
        assert (provider.refreshes, provider.reuses) == (turn, 0)


@pytest.mark.parametrize("session", STORES)
async def test_tokens_are_renewed_ahead_of_their_end_and_nobody_waits_for_it(
    start_guarded: StartGuarded, provider: Provider, session: str
) -> None:
    provider.life_s = 300
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    guarded.set_clocks(200)
    assert await together(browser, guarded.ports) == [200] * 50
    assert provider.refreshes == 0
    guarded.set_clocks(245)
    provider.may_answer.clear()
    assert await together(browser, guarded.ports) == [200] * 50
    provider.may_answer.set()
    await eventually(lambda: provider.refreshes == 1)
    guarded.set_clocks(310)
    assert await together(browser, guarded.ports) == [200] * 50
    assert (provider.refreshes, provider.reuses) == (1, 0)


async def test_an_old_cookie_is_as_good_as_the_new_one_for_the_whole_session(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """A browser whose connection broke never got the cookies of the renewal."""
    provider.life_s = 300
    guarded = await start_guarded(session=STORES[0][len("store: cookie, ") :], gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    old = browser.cookie
    for turn in range(1, 4):
        guarded.set_clocks(310 * turn)
        for port in guarded.ports:
            assert (await browser.ask("/", port=port, cookie=old, fields=PROGRAM)).status == 200
            assert browser.cookie != old
    late = await start_guarded(session="lasts: 30d")
    late.set_clocks(310 * 3 + 100)
    port = late.port
    assert (await browser.ask("/", port=port, cookie=old, fields=PROGRAM)).status == 200
    assert provider.reuses == 0


async def test_a_renewal_brings_new_claims(start_guarded: StartGuarded, provider: Provider) -> None:
    provider.life_s = 300
    text = FILE.replace("any_of: [staff]", "any_of: [staff], claims: {role: [admin]}")
    guarded = await start_guarded(text, session="lasts: 30d")
    browser = guarded.browser()
    await browser.log_in()
    assert (await browser.ask("/", fields=PROGRAM)).status == 403
    provider.claims = {"role": "admin"}
    guarded.set_clocks(310)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    assert browser.set != []
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    assert browser.set == []


@pytest.mark.parametrize(
    "forged",
    [{"sub": "mallory"}, {"iss": "https://evil.example"}, {"aud": "other"}, {"auth_time": 1}],
)
async def test_a_renewal_that_brings_somebody_else_ends_the_session(
    start_guarded: StartGuarded, provider: Provider, forged: dict[str, object]
) -> None:
    provider.life_s = 300
    guarded = await start_guarded(session="lasts: 30d")
    browser = guarded.browser()
    await browser.log_in()
    guarded.set_clocks(310)
    provider.forged = forged
    assert (await browser.ask("/", fields=PROGRAM)).status == 401


@pytest.mark.parametrize("session", STORES)
async def test_a_log_in_that_the_provider_has_ended_ends_here_with_the_tokens(
    start_guarded: StartGuarded, provider: Provider, session: str
) -> None:
    provider.life_s = 300
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    provider.grants[0].is_revoked = True
    guarded.set_clocks(310)
    assert await together(browser, guarded.ports) == [401] * 50
    assert provider.refreshes == 1
    assert (await browser.ask("/")).status == 302


@pytest.mark.parametrize("session", STORES)
async def test_while_the_provider_is_away_sessions_go_on_and_it_is_asked_seldom(
    start_guarded: StartGuarded, provider: Provider, session: str
) -> None:
    provider.life_s = 300
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    guarded.set_clocks(310)
    provider.broken = 503
    for _ in range(3):
        assert await together(browser, guarded.ports) == [200] * 50
    provider.broken = None
    guarded.set_clocks(330)

    async def is_renewed() -> bool:
        assert (await browser.ask("/", fields=PROGRAM)).status == 200
        return provider.refreshes == 1

    await eventually(is_renewed)
    assert await together(browser, guarded.ports) == [200] * 50
    assert (provider.refreshes, provider.reuses) == (1, 0)


async def test_a_gateway_without_the_registry_logs_nobody_out(
    start_guarded: StartGuarded, provider: Provider, registry_server: RegistryServer
) -> None:
    provider.life_s = 300
    async with Forwarder(registry_server.port) as link:
        guarded = await start_guarded(
            session="lasts: 30d",
            gateways=2,
            environments=[{}, {"REDIS_URL": f"redis://127.0.0.1:{link.port}/0"}],
        )
        browser = guarded.browser()
        await browser.log_in()
        assert await together(browser, guarded.ports) == [200] * 50
        link.target = 1
        await link.cut()
        alone = guarded.ways[1]
        await eventually(lambda: not alone.describe()["registry"])
        guarded.set_clocks(310)
        assert await together(browser, guarded.ports) == [200] * 50
        assert (provider.refreshes, provider.reuses) == (1, 0)
        link.target = registry_server.port
        await eventually(lambda: alone.describe()["registry"])
        guarded.set_clocks(330)
        assert await together(browser, guarded.ports) == [200] * 50
        assert (provider.refreshes, provider.reuses) == (1, 0)


async def test_without_a_refresh_token_a_session_lasts_as_the_file_says(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.life_s = 300
    provider.gives_refresh_tokens = False
    guarded = await start_guarded(session="lasts: 1h")
    browser = guarded.browser()
    await browser.log_in()
    guarded.set_clocks(3500)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    guarded.set_clocks(3601)
    assert (await browser.ask("/", fields=PROGRAM)).status == 401


@pytest.mark.parametrize("said", ["", "Cache-Control: public, max-age=600\r\n"])
async def test_no_cache_on_the_way_keeps_an_answer_with_a_new_cookie(
    start_guarded: StartGuarded, provider: Provider, said: str
) -> None:
    """It would give the session of one to all others."""
    provider.life_s = 300
    answer = f"HTTP/1.1 200 OK\r\n{said}Content-Length: 2\r\n\r\nok".encode()
    guarded = await start_guarded(session="lasts: 30d", answer=answer)
    browser = guarded.browser()
    await browser.log_in()
    request = (
        "GET / HTTP/1.1\r\nHost: app.example\r\nAccept: application/json\r\n"
        f"Cookie: {browser.cookie}\r\n\r\n"
    ).encode()
    assert b"no-store" not in (await exchange(guarded.port, request)).values(b"Cache-Control")
    guarded.set_clocks(310)
    renewed = await exchange(guarded.port, request)
    assert renewed.values(b"Set-Cookie")
    assert renewed.values(b"Cache-Control") == [b"no-store"]
