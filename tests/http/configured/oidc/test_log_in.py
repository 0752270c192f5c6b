"""Log-ins from outside: who is sent to the provider, and what is made of what comes back."""

import asyncio
import json
import ssl
import time
from pathlib import Path
from textwrap import dedent

import pytest
import trustme
from structlog.testing import capture_logs

from middlewares.auth.ways.oidc.provider import ANSWER_WITHIN_S
from tests.http.configured.oidc.conftest import FILE, StartGuarded
from tests.support.certificates import issue
from tests.support.eventually import eventually
from tests.support.oidc import NAVIGATION, Provider, parameters
from tests.support.raw_clients import exchange
from tests.support.upstreams import OK, Received


async def test_a_browser_logs_in_and_returns_to_the_page_that_it_wanted(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded()
    browser = guarded.browser()
    browser.cookies = {"theme": "dark"}
    answer = await browser.log_in("/orders/7?a=1%2F2&b")
    assert answer.headers["Location"] == "/orders/7?a=1%2F2&b"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = await browser.ask(answer.headers["Location"])
    assert page.status == 200
    received = guarded.gateways[0].upstream.requests[-1]
    assert received.values(b"X-Auth-Subject") == [b"ada"]
    assert received.values(b"X-Auth-Method") == [b"oidc"]
    assert received.values(b"X-Auth-Scopes") == [b"email openid"]
    assert received.values(b"Cookie") == [b"theme=dark"]


async def test_the_redirect_has_what_rfc_9700_wants(start_guarded: StartGuarded) -> None:
    guarded = await start_guarded()
    browser = guarded.browser()
    answer = await browser.ask("/")
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == "no-store"
    asked = parameters(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{guarded.provider.issuer}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid email"
    assert asked["redirect_uri"] == "http://app.example/oidc/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    again = parameters((await browser.ask("/")).headers["Location"])
    assert not {asked["state"], asked["nonce"], asked["code_challenge"]} & set(again.values())


async def test_every_cookie_is_kept_from_pages_networks_and_other_hosts(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.subject = "ada.of.the.cookies"  # three letters may stand in what is sealed by chance
    browser = (await start_guarded()).browser()
    await browser.begin()
    begun = browser.set
    await browser.log_in()
    for line in (*begun, *browser.set):
        name, *attributes = line.split("; ")
        assert name.startswith("__Host-lockgate.staff")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} < set(attributes)
        assert not any(one.startswith("Domain") for one in attributes)
    assert provider.subject not in str(browser.set)


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        ("GET", {"Accept": "text/html"}, 302),
        ("GET", {"Accept": "*/*"}, 302),
        ("HEAD", NAVIGATION, 302),
        ("GET", {"Accept": "application/json"}, 401),
        ("GET", {"Accept": "application/json, text/plain, */*"}, 401),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, 401),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "no-cors"}, 401),
        ("GET", {"Accept": "application/json", "Sec-Fetch-Mode": "navigate"}, 401),
        ("GET", {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, 401),
        ("POST", NAVIGATION, 401),
    ],
)
async def test_a_page_is_redirected_and_a_program_is_refused(
    start_guarded: StartGuarded, method: str, fields: dict[str, str], status: int
) -> None:
    browser = (await start_guarded()).browser()
    answer = await browser.ask("/api", method=method, fields=fields)
    assert answer.status == status
    if status == 401:
        assert answer.reason == "unauthorized"
        assert "Location" not in answer.headers
        assert "WWW-Authenticate" not in answer.headers
        assert browser.set == []


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "///evil.example/x", "/%5Cevil", "/\\evil.example", "/oidc/callback"],
)
async def test_nobody_is_sent_elsewhere_after_a_log_in(
    start_guarded: StartGuarded, target: str
) -> None:
    text = FILE.replace("host: app.example}", "host: app.example}\n    paths: as_is").replace(
        "\n    paths", "\n        paths"
    )
    browser = (await start_guarded(text)).browser()
    answer = await browser.ask(target)
    if answer.status == 302:
        callback = await browser.at_provider(answer.headers["Location"])
        answer = await browser.ask(callback)
        location = answer.headers["Location"]
        assert location in ("/", "/%5Cevil", "/%5Cevil.example")
    else:
        assert answer.status == 400


async def test_a_callback_of_another_browser_is_refused(start_guarded: StartGuarded) -> None:
    guarded = await start_guarded()
    mallory, victim = guarded.browser(), guarded.browser()
    callback = await mallory.at_provider(await mallory.begin())
    answer = await victim.ask(callback)
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert victim.session == {}


async def test_a_callback_that_was_used_is_refused(start_guarded: StartGuarded) -> None:
    browser = (await start_guarded()).browser()
    callback = await browser.at_provider(await browser.begin())
    before = browser.cookie
    assert (await browser.ask(callback)).status == 303
    assert (await browser.ask(callback)).status == 400
    assert (await browser.ask(callback, cookie=before)).status == 400


async def test_no_code_and_no_secret_goes_where_a_redirect_of_the_provider_leads(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    other = Provider()
    await other.start()
    try:
        browser = (await start_guarded()).browser()
        callback = await browser.at_provider(await browser.begin())
        provider.moved_to = other.issuer
        assert (await browser.ask(callback)).status == 400
        assert other.requests == 0
    finally:
        await other.stop()


async def test_a_callback_is_good_once_though_the_provider_takes_its_code_again(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.takes_codes_again = True
    guarded = await start_guarded(gateways=2)
    browser = guarded.browser()
    callback = await browser.at_provider(await browser.begin())
    before = browser.cookie
    assert (await browser.ask(callback)).status == 303
    for port in guarded.ports:
        assert (await browser.ask(callback, cookie=before, port=port)).status == 400
    assert len(provider.grants) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace("state=", "state=x"),
        lambda query: f"{query}&state={'a' * 43}",
        lambda query: f"{query}&code=other",
        lambda query: query.replace("code=", "kode="),
        lambda query: query.replace("iss=", "was="),
        lambda query: query.replace("iss=http", "iss=https"),
        lambda query: query.replace("code=", "code=x"),
        lambda query: query + "&a=b" * 100,
        lambda query: query + "a" * 10_000,
    ],
)
async def test_a_changed_callback_is_refused(start_guarded: StartGuarded, change: object) -> None:
    browser = (await start_guarded()).browser()
    path, _, query = (await browser.at_provider(await browser.begin())).partition("?")
    assert callable(change)
    answer = await browser.ask(f"{path}?{change(query)}")
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert browser.session == {}


async def test_a_provider_that_does_not_say_iss_needs_none(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.says_iss = False
    browser = (await start_guarded()).browser()
    await browser.log_in()
    assert (await browser.ask("/")).status == 200


async def test_two_providers_with_one_callback_must_say_iss(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    """Else one of them could have the other one's code sent to itself (RFC 9700 §4.4)."""
    provider.says_iss = False
    other = Provider()
    await other.start()
    two = FILE.replace(
        "defaults:",
        f"""  others: {{type: oidc, issuer: "{other.issuer}", client_id: lockgate}}
    defaults:""",
    ).replace("any_of: [staff]", "any_of: [staff, others]")
    try:
        browser = (await start_guarded(two)).browser()
        callback = await browser.at_provider(await browser.begin())
        assert (await browser.ask(callback)).status == 400
        provider.says_iss = True
        callback = await browser.at_provider(await browser.begin())
        assert (await browser.ask(callback)).status == 303
    finally:
        await other.stop()


@pytest.mark.parametrize(
    "forged",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody"},
        {"aud": ["lockgate", "somebody"]},
        {"azp": "somebody"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"iat": time.time() + 3600},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "a" * 257},
    ],
)
async def test_a_forged_id_token_is_refused(
    start_guarded: StartGuarded, provider: Provider, forged: dict[str, object]
) -> None:
    browser = (await start_guarded()).browser()
    callback = await browser.at_provider(await browser.begin())
    provider.forged = forged
    answer = await browser.ask(callback)
    assert (answer.status, answer.reason) == (400, "bad_request")
    assert browser.session == {}


async def test_an_id_token_of_an_algorithm_that_is_not_allowed_is_refused(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (
        await start_guarded(FILE.replace("scopes:", "algorithms: [RS256]\n        scopes:"))
    ).browser()
    callback = await browser.at_provider(await browser.begin())
    assert (await browser.ask(callback)).status == 400


async def test_a_new_key_of_the_provider_is_fetched_for_the_first_token_that_it_signed(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (await start_guarded()).browser()
    callback = await browser.at_provider(await browser.begin())
    provider.kid = "k2"
    assert (await browser.ask(callback)).status == 303


async def test_what_the_provider_refuses_is_forbidden(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (await start_guarded()).browser()
    state = parameters(await browser.begin())["state"]
    path = f"/oidc/callback?state={state}&error=access_denied&error_description=%3Cb%3E"
    assert (await browser.ask(f"{path}&iss=https://evil.example")).status == 400
    answer = await browser.ask(f"{path}&iss={provider.issuer}")
    assert (answer.status, answer.reason) == (403, "forbidden")
    assert answer.json()["detail"] == "the provider has refused the log-in: access_denied"


async def test_a_log_in_makes_a_new_session_whatever_was_there(start_guarded: StartGuarded) -> None:
    """Session fixation: who planted a cookie before the log-in knows nothing of the session after it."""
    guarded = await start_guarded()
    mallory, victim = guarded.browser(), guarded.browser()
    guarded.provider.subject = "mallory"
    await mallory.log_in()
    planted = dict(mallory.session)
    guarded.provider.subject = "ada"
    location = await victim.begin()
    victim.cookies.update(planted)
    answer = await victim.ask(await victim.at_provider(location))
    assert answer.status == 303
    assert victim.session.keys() == planted.keys()
    assert victim.session != planted
    await mallory.ask("/")
    received = guarded.gateways[0].upstream.requests[-1]
    assert received.values(b"X-Auth-Subject") == [b"mallory"]


async def test_the_log_ins_of_several_tabs_do_not_disturb_each_other(
    start_guarded: StartGuarded,
) -> None:
    browser = (await start_guarded()).browser()
    first = await browser.begin("/first")
    second = await browser.begin("/second")
    answer = await browser.ask(await browser.at_provider(second))
    assert answer.headers["Location"] == "/second"
    answer = await browser.ask(await browser.at_provider(first))
    assert answer.headers["Location"] == "/first"


async def test_log_ins_that_were_begun_do_not_fill_the_browser(start_guarded: StartGuarded) -> None:
    browser = (await start_guarded()).browser()
    for _ in range(20):
        await browser.begin()
        assert len(browser.cookies) <= 6


async def test_the_paths_of_a_log_in_are_on_the_hosts_of_its_routes_alone(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded()
    open_to_all = guarded.browser("open.example")
    assert (await open_to_all.ask("/oidc/callback")).status == 200  # the service's own
    elsewhere = guarded.browser("elsewhere.example")
    assert (await elsewhere.ask("/oidc/callback")).status == 404
    browser = guarded.browser()
    assert (await browser.ask("/oidc/callback")).status == 400
    for path, allowed in (("/oidc/callback", "GET"), ("/oidc/logout", "POST")):
        answer = await browser.ask(path, method="PUT")
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)


async def test_while_the_provider_is_away_nobody_logs_in_and_sessions_go_on(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    guarded = await start_guarded()
    browser, late = guarded.browser(), guarded.browser()
    await browser.log_in()
    callback = await late.at_provider(await late.begin())
    provider.broken = 503
    answer = await late.ask(callback)
    assert (answer.status, answer.reason) == (503, "auth_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert (await browser.ask("/")).status == 200


async def test_the_first_browser_waits_until_the_provider_has_answered(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded(waits=False)
    browsers = [guarded.browser() for _ in range(5)]
    answers = await asyncio.gather(*(browser.ask("/") for browser in browsers))
    assert [answer.status for answer in answers] == [302] * 5


async def test_a_provider_that_was_never_there_is_told_as_such(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.broken = 503
    browser = (await start_guarded()).browser()
    answer = await browser.ask("/")
    assert (answer.status, answer.reason) == (503, "auth_unavailable")
    provider.broken = None

    async def is_back() -> bool:
        return (await browser.ask("/")).status == 302

    await eventually(is_back)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example/token"},
        {"authorization_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_discovery_document_that_is_not_right_is_not_believed(
    start_guarded: StartGuarded, provider: Provider, document: dict[str, object]
) -> None:
    provider.document = document
    browser = (await start_guarded()).browser()
    assert (await browser.ask("/")).status == 503


async def test_a_document_that_is_too_large_is_not_read(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    provider.document = {"claims_supported": ["c" * 1000] * 1000}
    browser = (await start_guarded()).browser()
    answer = await browser.ask("/")
    assert (answer.status, answer.reason) == (503, "auth_unavailable")


async def test_a_provider_that_hangs_is_away(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    browser = (await start_guarded()).browser()
    callback = await browser.at_provider(await browser.begin())
    provider.may_answer.clear()
    async with asyncio.timeout(ANSWER_WITHIN_S * 3):
        answer = await browser.ask(callback)
    provider.may_answer.set()
    assert (answer.status, answer.reason) == (503, "auth_unavailable")


async def test_a_handshake_passes_with_a_session_and_is_refused_without_one(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded(answer=switching)
    browser = guarded.browser()
    await browser.log_in()
    port = guarded.port
    for cookie, status in ((browser.cookie, 101), ("a=1", 401)):
        head = (
            f"GET / HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: {cookie}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        line = await reader.readline()
        writer.close()
        assert line.split()[1] == str(status).encode()


async def switching(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer probes, and switch protocols for anything else."""
    if received.target == b"/health":
        writer.write(OK)
        return
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    await writer.drain()
    await received.reader.read()


async def test_nothing_secret_is_in_the_log(
    start_guarded: StartGuarded, provider: Provider
) -> None:
    with capture_logs() as lines:
        browser = (await start_guarded()).browser()
        callback = await browser.at_provider(await browser.begin("/"))
        cookies = [*browser.cookies.values()]
        await browser.ask(callback)
        await browser.ask(callback)
        await browser.ask("/")
    text = json.dumps(lines, default=str)
    grant = provider.grants[0]
    query = parameters(callback)
    for secret in (query["code"], query["state"], *grant.refresh_tokens, *cookies):
        assert secret not in text
    assert all(value not in text for value in browser.cookies.values())


async def test_with_a_network_between_nobody_logs_in_over_plain_http(
    start_guarded: StartGuarded,
) -> None:
    guarded = await start_guarded(TRUSTED_PROXIES="127.0.0.0/8")
    browser = guarded.browser()
    far = {**NAVIGATION, "X-Forwarded-For": "203.0.113.9"}
    answer = await browser.ask("/", fields=far)
    assert (answer.status, answer.reason) == (403, "forbidden")
    answer = await browser.ask("/", fields={**far, "X-Forwarded-Proto": "https"})
    assert answer.status == 302
    redirect_uri = parameters(answer.headers["Location"])["redirect_uri"]
    assert redirect_uri == "https://app.example/oidc/callback"
    # Nor does a log-in end there that was begun over https.
    callback = await browser.at_provider(answer.headers["Location"])
    assert (await browser.ask(callback, fields=far)).status == 400
    assert (await browser.ask(callback, fields={**far, "X-Forwarded-Proto": "https"})).status == 303


async def test_over_tls_every_address_of_ours_is_https(
    start_guarded: StartGuarded, tmp_path: Path
) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    made = issue(authority, "app.example")
    (tmp_path / "app.pem").write_bytes(made.chain)
    (tmp_path / "app.key").touch(0o600)
    (tmp_path / "app.key").write_bytes(made.key)
    tls = "tls: {certificates: [{certificate_file: app.pem, key_file: app.key}]}\n"
    guarded = await start_guarded(tls + dedent(FILE), TRUSTED_PROXIES="10.0.0.0/8")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    request = b"GET /orders HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-Proto: http\r\n\r\n"
    answer = await exchange(guarded.port, request, tls=context, server_name="app.example")
    (location,) = answer.values(b"Location")
    assert answer.status == 302
    assert parameters(location.decode())["redirect_uri"] == "https://app.example/oidc/callback"
