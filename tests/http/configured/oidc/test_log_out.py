"""Log-outs from outside: by the browser, at the provider, and by the provider itself."""

import asyncio

import pytest
import redis

from middlewares.auth.ways.oidc.way import OidcWay
from tests.http.configured.oidc.conftest import FILE, Guarded, StartGuarded
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.oidc import NAVIGATION, Browser, Provider, parameters
from tests.support.raw_clients import exchange
from tests.support.registry_servers import RegistryServer

PROGRAM = {"Accept": "application/json"}
STORES = ["store: cookie", "store: registry"]
BACK_CHANNEL = "/oidc/backchannel-logout"


async def is_out(browser: Browser, guarded: Guarded, cookie: str) -> bool:
    """Whether every gateway refuses the session."""
    asked = [browser.ask("/", port=port, cookie=cookie, fields=PROGRAM) for port in guarded.ports]
    return {answer.status for answer in await asyncio.gather(*asked)} == {401}


async def tell(browser: Browser, token: str, **more: str) -> int:
    """The status of the provider's own call; it has no cookies."""
    form = {"logout_token": token, **more}
    return (await browser.ask(BACK_CHANNEL, method="POST", fields={}, cookie="", data=form)).status


@pytest.mark.parametrize("session", STORES)
async def test_a_browser_logs_out_here_and_at_the_provider(
    start_guarded: StartGuarded, provider: Provider, session: str
) -> None:
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    cookie = browser.cookie
    for port in guarded.ports:
        assert (await browser.ask("/", port=port, fields=PROGRAM)).status == 200
    answer = await browser.ask("/oidc/logout", method="POST")
    assert answer.status == 303
    location = answer.headers["Location"]
    assert location.startswith(f"{provider.issuer}/end?")
    told = parameters(location)
    assert told["client_id"] == "lockgate"
    assert told["id_token_hint"].count(".") == 2
    assert "post_logout_redirect_uri" not in told
    assert browser.session == {}
    # The cookies that somebody has kept are no longer good, on any gateway.
    assert (await browser.ask("/", cookie=cookie, fields=PROGRAM)).status == 401
    await eventually(lambda: is_out(browser, guarded, cookie))


@pytest.mark.parametrize(
    ("after", "uri"),
    [("/bye", "http://app.example/bye"), ("https://www.example/bye", "https://www.example/bye")],
)
async def test_the_provider_is_told_where_the_browser_goes_then(
    start_guarded: StartGuarded, provider: Provider, after: str, uri: str
) -> None:
    browser = (
        await start_guarded(FILE.replace("scopes:", f"after_logout: {after}\n        scopes:"))
    ).browser()
    await browser.log_in()
    answer = await browser.ask("/oidc/logout?post_logout_redirect_uri=https://evil", method="POST")
    assert parameters(answer.headers["Location"])["post_logout_redirect_uri"] == uri


async def test_without_a_log_out_of_the_provider_the_browser_goes_where_the_file_says(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.document = {"end_session_endpoint": None}
    guarded = await start_guarded(FILE.replace("scopes:", "after_logout: /bye\n        scopes:"))
    await guarded.knows_everything()
    browser = guarded.browser()
    await browser.log_in()
    answer = await browser.ask("/oidc/logout", method="POST")
    assert (answer.status, answer.headers["Location"]) == (303, "http://app.example/bye")


async def test_a_log_out_without_a_session_is_one(start_guarded: StartGuarded) -> None:
    browser = (await start_guarded()).browser()
    assert (await browser.ask("/oidc/logout", method="POST")).status == 200
    answer = await browser.ask("/oidc/logout", method="POST", cookie="__Host-lockgate.staff=1.AAAA")
    assert answer.status == 303
    assert [line.partition(";")[0] for line in browser.set] == ["__Host-lockgate.staff="]


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_no_other_site_logs_anybody_out(
    start_guarded: StartGuarded, fields: dict[str, str]
) -> None:
    browser = (await start_guarded()).browser()
    await browser.log_in()
    answer = await browser.ask("/oidc/logout", method="POST", fields=fields)
    assert (answer.status, answer.reason) == (403, "forbidden")
    assert (await browser.ask("/oidc/logout", fields=NAVIGATION)).status == 405
    assert (await browser.ask("/", fields=PROGRAM)).status == 200


@pytest.mark.parametrize("by", ["sid", "sub"])
@pytest.mark.parametrize("session", STORES)
async def test_a_log_out_of_the_provider_is_seen_by_every_gateway(
    start_guarded: StartGuarded, provider: Provider, session: str, by: str
) -> None:
    guarded = await start_guarded(session=session, gateways=3)
    browser, other, third = guarded.browser(), guarded.browser(), guarded.browser()
    await browser.log_in()
    await other.log_in()
    provider.subject = "eve"
    await third.log_in()
    for port in guarded.ports:
        for one in (browser, other, third):
            assert (await one.ask("/", port=port, fields=PROGRAM)).status == 200
    named = {"sid": provider.grants[0].sid} if by == "sid" else {"sub": "ada"}
    assert await tell(browser, provider.logout_token(**named)) == 200
    # 0.31 s at most in 100 tries on four gateways; a busy machine may take longer.
    await eventually(lambda: is_out(browser, guarded, browser.cookie))
    for port in guarded.ports:
        status = (await other.ask("/", port=port, fields=PROGRAM)).status
        assert status == (200 if by == "sid" else 401)
        assert (await third.ask("/", port=port, fields=PROGRAM)).status == 200
    provider.subject = "ada"
    browser.cookies = {}
    await browser.log_in()
    assert (await browser.ask("/", fields=PROGRAM)).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": 1},
        {"jti": None},
        {"jti": ""},
        {"events": None},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": None}},
        {"nonce": "n"},
        {"sub": None},
        {"sub": ["ada"]},
    ],
)
async def test_a_log_out_token_that_is_not_right_ends_nothing(
    start_guarded: StartGuarded, provider: Provider, wrong: dict[str, object]
) -> None:
    browser = (await start_guarded()).browser()
    await browser.log_in()
    assert await tell(browser, provider.logout_token(**{"sub": "ada", **wrong})) == 400
    assert (await browser.ask("/", fields=PROGRAM)).status == 200


async def test_a_log_out_token_is_good_once(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    guarded = await start_guarded(gateways=2)
    browser = guarded.browser()
    token = provider.logout_token(sub="ada")
    assert await tell(browser, token) == 200
    assert await tell(browser, token) == 400
    browser.port = guarded.ports[1]
    assert await tell(browser, token) == 400


async def test_no_id_token_is_a_log_out_token(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (await start_guarded()).browser()
    await browser.log_in()
    answer = await browser.ask("/oidc/logout", method="POST")
    id_token = parameters(answer.headers["Location"])["id_token_hint"]
    assert await tell(browser, id_token) == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("", 400),
        ("logout_token=a", 400),
        ("logout_token=a&logout_token=b", 400),
        (b"logout_token=\xff", 400),
        ("a=b&" * 1000, 400),
        ("logout_token=" + "a" * 40_000, 413),
    ],
)
async def test_a_body_that_is_none_is_refused(
    start_guarded: StartGuarded, data: str | bytes, status: int
) -> None:
    browser = (await start_guarded()).browser()
    answer = await browser.ask(BACK_CHANNEL, method="POST", fields={}, data=data)
    assert answer.status == status


async def test_who_was_logged_out_stays_so_though_the_registry_loses_its_data(
    start_guarded: StartGuarded, provider: Provider, registry_server: RegistryServer
) -> None:
    guarded = await start_guarded(gateways=2)
    browser = guarded.browser()
    await browser.log_in()
    cookie = browser.cookie
    assert await tell(browser, provider.logout_token(sub="ada")) == 200
    await eventually(lambda: is_out(browser, guarded, cookie))
    with registry_server.client() as client:
        client.flushall()
    await guarded.knows_everything()
    assert await is_out(browser, guarded, cookie)


async def test_without_the_registry_a_log_out_holds_here_and_later_everywhere(
    start_guarded: StartGuarded, provider: Provider, registry_server: RegistryServer
) -> None:
    async with Forwarder(registry_server.port) as link:
        guarded = await start_guarded(
            gateways=2, environments=[{"REDIS_URL": f"redis://127.0.0.1:{link.port}/0"}, {}]
        )
        browser = guarded.browser()
        await browser.log_in()
        cookie = browser.cookie
        link.target = 1
        await link.cut()
        assert await tell(browser, provider.logout_token(sub="ada")) == 503
        assert (await browser.ask("/", cookie=cookie, fields=PROGRAM)).status == 401
        link.target = registry_server.port
        await eventually(lambda: is_out(browser, guarded, cookie))


async def test_the_cookie_of_a_session_that_is_over_leaves_nothing_in_the_registry(
    start_guarded: StartGuarded, registry_url: str
) -> None:
    """Whoever had one cookie could fill the registry with log-outs."""
    browser = (await start_guarded()).browser()
    await browser.log_in()
    cookie = browser.cookie
    for _ in range(3):
        assert (await browser.ask("/oidc/logout", method="POST", cookie=cookie)).status == 303
    with redis.Redis.from_url(registry_url) as client:
        (marks,) = client.keys("*:oidc:staff:ended")
        assert client.xlen(marks) == 1


async def test_each_way_of_a_provider_gets_its_log_out_though_one_of_them_could_not_check_it_at_first(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """The second call was refused by the way that had taken the token before the other one was asked."""
    two = FILE.replace(
        "defaults:",
        """  others: {type: oidc, issuer: ISSUER, client_id: lockgate, algorithms: [ES384, ES256]}
    defaults:""",
    ).replace("any_of: [staff]", "any_of: [staff, others]")
    guarded = await start_guarded(two)
    browser = guarded.browser()
    staff, others = guarded.ways
    assert isinstance(others, OidcWay)
    client = others._provider
    known, client._keys = client._keys, None
    token = provider.logout_token(sub="ada")
    assert await tell(browser, token) == 503
    client._keys = known
    assert await tell(browser, token) == 200
    assert [one.describe()["log_outs_known"] for one in (staff, others)] == [1, 1]
    assert await tell(browser, token) == 400


@pytest.mark.parametrize("field", ["Origin", "Sec-Fetch-Site"])
async def test_no_second_field_hides_from_where_a_log_out_comes(
    start_guarded: StartGuarded, field: str
) -> None:
    guarded = await start_guarded()
    browser = guarded.browser()
    await browser.log_in()
    ours, others = {
        "Origin": ("http://app.example", "https://evil.example"),
        "Sec-Fetch-Site": ("same-origin", "cross-site"),
    }[field]
    for values in ((ours, others), (others, ours)):
        lines = "".join(f"{field}: {value}\r\n" for value in values)
        request = (
            "POST /oidc/logout HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n"
            f"Cookie: {browser.cookie}\r\n{lines}\r\n"
        )
        assert (await exchange(guarded.port, request.encode())).status == 403
    assert (await browser.ask("/", fields=PROGRAM)).status == 200


async def test_a_gateway_that_never_heard_of_log_outs_admits_no_session(
    start_guarded: StartGuarded, registry_server: RegistryServer
) -> None:
    """Else the cookie of somebody who was logged out would be good again after a start without the registry."""
    async with Forwarder(registry_server.port) as link:
        guarded = await start_guarded(
            session="secret_file: session.secret",
            environments=[{"REDIS_URL": f"redis://127.0.0.1:{link.port}/0"}],
        )
        browser = guarded.browser()
        await browser.log_in()
        link.target = 1
        await link.cut()
        (way,) = guarded.ways
        assert isinstance(way, OidcWay)
        await eventually(lambda: not way.describe()["registry"])
        # As after a start.
        way._following.has_read = False
        assert (await browser.ask("/", fields=PROGRAM)).status == 503
        link.target = registry_server.port

        async def is_admitted() -> bool:
            return (await browser.ask("/", fields=PROGRAM)).status == 200

        await eventually(is_admitted)
