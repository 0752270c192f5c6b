"""A provider that changes its keys logs nobody out, whatever anybody else sends to the gateway."""

import asyncio

import pytest

from tests.http.configured.oidc.conftest import StartGuarded
from tests.support.eventually import eventually
from tests.support.oidc import CLIENT_ID, Browser, Provider
from tests.support.tokens import P384_KEY, token

PROGRAM = {"Accept": "application/json"}
BACK_CHANNEL = "/oidc/backchannel-logout"


async def tell(browser: Browser, logout_token: str) -> int:
    """The status of the provider's own call."""
    form = {"logout_token": logout_token}
    return (await browser.ask(BACK_CHANNEL, method="POST", fields={}, cookie="", data=form)).status


def invented(provider: Provider, kid: str) -> str:
    """A log-out token that anybody can make."""
    now_s = provider.now_s
    said = {"iss": provider.issuer, "aud": CLIENT_ID, "sub": "ada", "iat": now_s, "exp": now_s + 60}
    return token(said, P384_KEY, "ES384", header={"alg": "ES256", "kid": kid}).decode()


async def test_sessions_that_are_renewed_together_wait_for_the_new_keys_together(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """All but the first one were logged out, since the keys were being fetched for the first one already."""
    provider.life_s = 300
    guarded = await start_guarded(session="lasts: 30d")
    browsers = [guarded.browser() for _ in range(5)]
    for browser in browsers:
        await browser.log_in()
    guarded.set_clocks(310)
    provider.rotate("k2")
    provider.keys_may_be_had.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(one.ask("/", fields=PROGRAM)) for one in browsers]
        await eventually(lambda: provider.refreshes == 5)
        provider.keys_may_be_had.set()
    assert [one.result().status for one in asked] == [200] * 5
    assert provider.reuses == 0


@pytest.mark.parametrize(("broken", "status"), [(False, 303), (True, 503)])
async def test_log_ins_that_end_together_wait_for_the_new_keys_together(
    start_guarded: StartGuarded, provider: Provider, broken: bool, status: int
) -> None:
    guarded = await start_guarded()
    browsers = [guarded.browser() for _ in range(5)]
    callbacks = [await one.at_provider(await one.begin()) for one in browsers]
    provider.rotate("k2")
    provider.keys_may_be_had.clear()
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(browser.ask(callback))
            for browser, callback in zip(browsers, callbacks, strict=True)
        ]
        await eventually(lambda: len(provider.grants) == 5)
        provider.keys_broken = broken
        provider.keys_may_be_had.set()
    assert [one.result().status for one in asked] == [status] * 5


async def test_invented_log_out_tokens_keep_no_new_key_from_log_ins_and_renewals(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """One of them used up the only fetch of 30 s; then a new key failed log-ins, and ended sessions."""
    provider.life_s = 300
    guarded = await start_guarded(session="lasts: 30d")
    before, other = guarded.browser(), guarded.browser()
    await before.log_in()
    assert await tell(other, invented(provider, "one")) == 400
    # Between two fetches nobody can say whose it is.
    assert await tell(other, invented(provider, "two")) == 503
    provider.rotate("k2")
    await other.log_in()
    provider.rotate("k3")
    guarded.set_clocks(310)
    assert (await before.ask("/", fields=PROGRAM)).status == 200
    assert (provider.refreshes, provider.reuses) == (1, 0)


async def test_a_session_goes_on_with_tokens_of_a_key_that_is_not_published_yet(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """The refresh token of before is spent, and the keys may come from a cache."""
    provider.life_s = 300
    guarded = await start_guarded(session="lasts: 30d")
    browser = guarded.browser()
    await browser.log_in()
    provider.published = provider.key, provider.kid
    provider.rotate("k2")
    for turn in (1, 2):
        guarded.set_clocks(310 * turn)
        assert (await browser.ask("/", fields=PROGRAM)).status == 200
        assert (provider.refreshes, provider.reuses) == (turn, 0)


async def test_an_empty_set_of_keys_takes_the_place_of_none(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (await start_guarded()).browser()
    provider.publishes_none = True
    assert await tell(browser, invented(provider, "new")) == 503  # fetched for it
    await browser.log_in()
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
