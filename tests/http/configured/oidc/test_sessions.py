"""Sessions from outside: whose they are, where they are good, and how long."""

import re

import pytest
import redis

from tests.http.configured.oidc.conftest import FILE, StartGuarded
from tests.support.oidc import NAVIGATION, Provider

PROGRAM = {"Accept": "application/json"}
#: Sessions in the cookie and in the registry.
STORES = ["store: cookie", "store: registry"]

TWO_WAYS = """
    auth:
      staff: {type: oidc, issuer: "ISSUER", client_id: lockgate, client_secret_file: oidc.secret, session: {SESSION}}
      admins: {type: oidc, issuer: "ISSUER", client_id: lockgate, client_secret_file: oidc.secret, session: {SESSION}}
    defaults: {auth: none}
    discover: false
    routes:
      - name: app
        match: {host: app.example, prefix: /app}
        service: order_service
        auth: {any_of: [staff]}
      - name: admin
        match: {host: app.example, prefix: /admin}
        service: order_service
        auth: {any_of: [admins]}
      - name: other
        match: {host: other.example}
        service: order_service
        auth: {any_of: [staff]}
"""


@pytest.mark.parametrize("session", STORES)
async def test_every_gateway_of_a_registry_knows_a_session(
    start_guarded: StartGuarded, session: str
) -> None:
    guarded = await start_guarded(session=session, gateways=2)
    browser = guarded.browser()
    await browser.log_in()

    for port in guarded.ports * 3:
        assert (await browser.ask("/", port=port)).status == 200


@pytest.mark.parametrize("session", STORES)
async def test_a_changed_cookie_is_refused(start_guarded: StartGuarded, session: str) -> None:
    browser = (await start_guarded(session=session)).browser()
    await browser.log_in()
    name, value = next(iter(browser.session.items()))
    for place in (2, 3, 8, 20, 30, len(value) // 2, len(value) - 1):
        other = "A" if value[place] != "A" else "B"
        changed = f"{name}={value[:place]}{other}{value[place + 1 :]}"
        answer = await browser.ask("/", cookie=changed, fields=PROGRAM)
        assert (answer.status, answer.reason) == (401, "unauthorized")
        assert (await browser.ask("/", cookie=changed)).status == 302
    for wrong in (value[:-1], value + "A", value + "=", "", "1.", "9." + value[2:], f'"{value}"'):
        assert (await browser.ask("/", cookie=f"{name}={wrong}", fields=PROGRAM)).status == 401
    twice = f"{name}={value}; {name}={value}"
    assert (await browser.ask("/", cookie=twice, fields=PROGRAM)).status == 401
    assert (await browser.ask("/", cookie=f"{name}={value}", fields=PROGRAM)).status == 200


# With one secret for both ways, too: the registry has one for each of them.
@pytest.mark.parametrize("session", [*STORES, "store: cookie, secret_file: session.secret"])
async def test_a_session_is_good_for_its_way_and_its_host_alone(
    start_guarded: StartGuarded, session: str
) -> None:
    guarded = await start_guarded(TWO_WAYS, session=session)
    browser, other = guarded.browser(), guarded.browser("other.example")
    await browser.log_in("/app")
    assert (await browser.ask("/app", fields=PROGRAM)).status == 200
    assert (await browser.ask("/admin", fields=PROGRAM)).status == 401
    # A cookie named as that of the other way, and one that was taken to another host.
    renamed = browser.cookie.replace("lockgate.staff", "lockgate.admins")
    assert (await browser.ask("/admin", cookie=renamed, fields=PROGRAM)).status == 401
    assert (await other.ask("/app", cookie=browser.cookie, fields=PROGRAM)).status == 401


async def test_a_log_in_of_another_way_is_no_session(start_guarded: StartGuarded) -> None:
    guarded = await start_guarded(TWO_WAYS, session="secret_file: session.secret")
    browser = guarded.browser()
    await browser.begin("/app")
    (value,) = browser.cookies.values()
    cookie = f"__Host-lockgate.staff=1.{value}"
    assert (await browser.ask("/app", cookie=cookie, fields=PROGRAM)).status == 401


async def test_a_session_of_another_client_of_the_provider_is_refused(
    start_guarded: StartGuarded, registry_url: str
) -> None:
    browser = (await start_guarded()).browser()
    await browser.log_in()
    elsewhere = await start_guarded(FILE.replace("client_id: lockgate", "client_id: other"))
    cookie = browser.cookie
    answer = await elsewhere.browser().ask("/", cookie=cookie, fields=PROGRAM)
    assert answer.status == 401


async def test_a_large_session_is_split_and_put_together(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    guarded = await start_guarded()
    browser = guarded.browser()
    provider.claims = {"groups": [f"group-{number:04}" for number in range(300)]}
    await browser.log_in()
    assert len(browser.session) >= 3
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    assert guarded.gateways[0].upstream.requests[-1].values(b"Cookie") == []
    names = list(browser.session)
    for left_out in names:
        parts = "; ".join(f"{name}={browser.session[name]}" for name in names if name != left_out)
        assert (await browser.ask("/", cookie=parts, fields=PROGRAM)).status == 401
    swapped = {**browser.session, names[1]: browser.session[names[-1]]}
    cookie = "; ".join(f"{name}={value}" for name, value in swapped.items())
    assert (await browser.ask("/", cookie=cookie, fields=PROGRAM)).status == 401
    backwards = "; ".join(f"{name}={browser.session[name]}" for name in reversed(names))
    assert (await browser.ask("/", cookie=backwards, fields=PROGRAM)).status == 200
    provider.claims = {}
    again = await browser.log_in_again("/")
    assert again.status == 303
    assert len(browser.session) == 1


async def test_a_session_that_no_browser_could_keep_is_told(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.claims = {"groups": [f"group-{number:04}" for number in range(700)]}
    provider.padding = "p" * 8000
    browser = (await start_guarded()).browser()
    callback = await browser.at_provider(await browser.begin())
    assert (await browser.ask(callback)).status == 503
    assert browser.session == {}


async def test_a_session_of_any_size_goes_into_the_registry(
    start_guarded: StartGuarded, provider: Provider, registry_url: str
) -> None:
    provider.claims = {"groups": [f"group-{number:04}" for number in range(700)]}
    provider.padding = "p" * 8000
    browser = (await start_guarded(session="store: registry")).browser()
    await browser.log_in()
    assert len(browser.session) == 1
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    with redis.Redis.from_url(registry_url) as client:
        keys = list(client.scan_iter("*:oidc:*:session:*"))
        kept = client.hgetall(keys[0])
        assert len(keys) == 1
        assert 0 < client.pttl(keys[0]) <= 8 * 3600 * 1000
    # Who reads the registry has neither the user nor a cookie.
    text = repr((keys, kept))
    assert "group-0001" not in text
    assert next(iter(browser.session.values()))[2:] not in text


async def test_a_session_ends_when_the_file_says(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    guarded = await start_guarded(session="lasts: 1m")
    browser = guarded.browser()
    await browser.log_in()
    ages = [int(one) for line in browser.set for one in re.findall(r"Max-Age=(\d+)", line)]
    assert max(ages) in (59, 60)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    guarded.set_clocks(59)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    guarded.set_clocks(61)
    assert (await browser.ask("/", fields=PROGRAM)).status == 401
    assert (await browser.ask("/", fields=NAVIGATION)).status == 302


async def test_a_shorter_session_of_the_file_holds_for_those_that_are_there(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded(session="lasts: 8h")
    (configured,) = guarded.gateways
    browser = guarded.browser()
    await browser.log_in()
    guarded.set_clocks(120)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    configured.write(configured.file.read_text().replace("lasts: 8h", "lasts: 1m"))
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200
    guarded.set_clocks(50)
    assert (await browser.ask("/", fields=PROGRAM)).status == 200
    guarded.set_clocks(120)
    assert (await browser.ask("/", fields=PROGRAM)).status == 401


async def test_secrets_are_replaced_without_logging_anybody_out(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded(session="secret_file: session.secret")
    configured = guarded.gateways[0]
    browser = guarded.browser()
    await browser.log_in()
    secret = configured.file.parent / "session.secret"
    old = secret.read_text()
    new = "n" * 64
    for content, status in ((f"{new}\n{old}", 200), (f"{new}\n", 401)):
        secret.write_text(content)
        answer = await configured.gateway.admin("POST", "/config/reload")
        assert answer.status == 200, answer.body
        assert (await browser.ask("/", fields=PROGRAM)).status == status


async def test_of_cookies_only_those_of_the_session_are_taken_out(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded()
    browser = guarded.browser()
    await browser.log_in()
    cookie = f"a=1; {browser.cookie}; lockgate.staff=no; __Host-lockgate.staffs=no; b=2"
    await browser.ask("/", cookie=cookie)
    (received,) = guarded.gateways[0].upstream.requests[-1].values(b"Cookie")
    assert received == b"a=1; lockgate.staff=no; __Host-lockgate.staffs=no; b=2"


async def test_claims_and_scopes_of_a_session_restrict_routes(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    text = FILE.replace(
        "auth: {any_of: [staff]}",
        "auth: {any_of: [staff], claims: {role: [admin]}, scopes: {all: [email]}}",
    )
    browser = (await start_guarded(text)).browser()
    await browser.log_in()
    answer = await browser.ask("/", fields=PROGRAM)
    assert (answer.status, answer.reason) == (403, "forbidden")
    provider.claims = {"role": "admin"}
    browser.cookies = {}
    await browser.log_in()
    assert (await browser.ask("/", fields=PROGRAM)).status == 200


async def test_cookies_without_end_are_refused_in_time(start_guarded: StartGuarded) -> None:
    browser = (await start_guarded()).browser()
    names = "; ".join(f"__Host-lockgate.staff.{number}=x" for number in range(1500))
    for cookie in (
        "__Host-lockgate.staff=1." + "A" * 60_000,
        f"__Host-lockgate.staff=5.A; {names}",
        "__Host-lockgate.staff=" + ";=" * 20_000,
    ):
        answer = await browser.ask("/", cookie=cookie, fields=PROGRAM)
        assert answer.status in (401, 431)


async def test_over_plain_http_no_session_is_taken_that_was_good_over_https(
    start_guarded: StartGuarded,
) -> None:
    """A session that the worker remembered was admitted without a look at how it came."""
    browser = (await start_guarded(TRUSTED_PROXIES="127.0.0.0/8")).browser()
    far = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    await browser.log_in(fields={**NAVIGATION, **far})
    for _ in range(2):  # found, and remembered
        assert (await browser.ask("/", fields={**PROGRAM, **far})).status == 200
    plain = {**PROGRAM, **far, "X-Forwarded-Proto": "http"}
    assert (await browser.ask("/", fields=plain)).status == 401


async def test_a_log_in_that_was_begun_is_no_second_credential(
    start_guarded: StartGuarded,
) -> None:
    """For ten minutes after it, each request with a key was refused as one with two credentials."""
    text = FILE.replace("defaults:", "  keys: {type: api_key}\n    defaults:", 1)
    guarded = await start_guarded(
        text.replace("any_of: [staff]", "any_of: [keys, staff]"), waits=False
    )
    browser = guarded.browser()
    await browser.begin()
    key = {**PROGRAM, "X-API-Key": "lg_unknown"}
    assert (await browser.ask("/", fields=key)).status == 401
    await browser.log_in()
    assert (await browser.ask("/", fields=key)).status == 400
