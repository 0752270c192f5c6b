"""Log-ins at providers that others have made: npm oidc-provider and oauth2-mock-server, PyPI oidc-provider-mock."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from gateway.machine.ports import free_port
from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import Configured
from tests.http.configured.oidc.conftest import Guarded
from tests.support.eventually import eventually
from tests.support.node_programs import installed, node_program
from tests.support.oidc import Browser, Provider
from tests.support.upstreams import OK

PROVIDERS = Path(__file__).with_name("providers")
PROGRAM = {"Accept": "application/json"}
SECRET = "the-secret-of-the-client"

FILE = """
auth:
  staff:
    type: oidc
    issuer: {issuer}
    client_id: lockgate
    client_secret_file: client.secret
    scopes: [openid, offline_access]
    session: {{lasts: 30m, store: {store}}}
defaults: {{auth: none}}
discover: false
routes:
  - name: app
    match: {{host: 127.0.0.1}}
    service: order_service
    auth: {{any_of: [staff]}}
"""


class Person:
    """Somebody whose browser fills in the forms of a provider, whose cookies it keeps."""

    def __init__(self) -> None:
        self._session = ClientSession(cookie_jar=CookieJar(unsafe=True))

    async def close(self) -> None:
        await self._session.close()

    async def go(self, url: str, until: str, answers: Mapping[str, str]) -> str:
        """Follow redirects and send forms until one leads to a URL that begins so; returns that URL."""
        form: dict[str, str] | None = None
        for _ in range(12):
            method = "GET" if form is None else "POST"
            async with self._session.request(
                method, URL(url, encoded=True), data=form, allow_redirects=False
            ) as answer:
                text = await answer.text()
                location = answer.headers.get("Location")
            if location is not None:
                url, form = urljoin(url, location), None
                if url.startswith(until):
                    return url
                continue
            assert answer.status == 200, text
            if "<form" not in text:
                return url
            opening = text[text.index("<form") :].partition(">")[0]
            action = re.search(r'action="([^"]*)"', opening)
            fields = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', text)
            url = urljoin(url, unescape(action[1]) if action else "")
            form = {**{name: unescape(value) for name, value in fields}, **answers}
        raise AssertionError(f"the provider goes round in circles: {url}")


StartAt = Callable[..., Awaitable[Guarded]]


@pytest.fixture
async def start_at(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> AsyncIterator[StartAt]:
    """`await start_at(issuer, ports=[…])`: gateways whose route needs a log-in at the issuer."""
    made: list[Guarded] = []

    async def start(issuer: str, *, gateways: int = 1, store: str = "cookie") -> Guarded:
        file, secret = tmp_path / "lockgate.yaml", tmp_path / "client.secret"
        secret.touch(0o600)
        secret.write_text(SECRET)
        file.write_text(FILE.format(issuer=issuer, store=store))
        upstream = await start_upstream(OK)
        running = []
        for _ in range(gateways):
            gateway = await start_gateway(GATEWAY_CONFIG=str(file))
            await gateway.register("order_service", upstream.port, health_check_url="/health")
            running.append(Configured(gateway, upstream, file))
        guarded = Guarded(Provider(), running)
        made.append(guarded)
        return guarded

    yield start
    for guarded in made:
        await guarded.close()


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    person = Person()
    yield person
    await person.close()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packages of npm are installed, each once for all tests of this process."""
    return tmp_path_factory.mktemp("npm")


def here(guarded: Guarded) -> Browser:
    """A browser whose address for the gateway is what it has bound."""
    return guarded.browser(f"127.0.0.1:{guarded.port}")


async def log_in(browser: Browser, person: Person, answers: Mapping[str, str]) -> None:
    """Log a person in, whatever the provider asks."""
    back = f"http://{browser.host}/oidc/callback?"
    url = await person.go(await browser.begin("/orders?a=1"), back, answers)
    answer = await browser.ask(url.removeprefix(f"http://{browser.host}"))
    assert (answer.status, answer.headers.get("Location")) == (303, "/orders?a=1"), answer.body
    assert (await browser.ask("/orders?a=1", fields=PROGRAM)).status == 200


@pytest.mark.parametrize("store", ["cookie", "registry"])
async def test_a_certified_provider(
    start_at: StartAt, person: Person, packages: Path, store: str
) -> None:
    """npm oidc-provider: strict about PKCE, and ends a log-in whose refresh token comes twice."""
    place = await installed(packages, "oidc-provider@9")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    # The gateway has to be there first, since the provider has to know its port.
    guarded = await start_at(issuer, gateways=2, store=store)
    base = f"http://127.0.0.1:{guarded.port}/oidc"
    arguments = [str(port), f"{base}/callback", f"{base}/backchannel-logout", "20"]
    async with node_program(place, PROVIDERS / "oidc-provider.mjs", arguments) as program:
        await guarded.knows_everything()
        browser = here(guarded)
        await log_in(browser, person, {"login": "ada", "password": "x"})
        received = guarded.gateways[0].upstream.requests[-1]
        assert received.values(b"X-Auth-Subject") == [b"ada"]

        guarded.set_clocks(21)
        cookie = browser.cookie
        asked = [
            browser.ask("/", port=guarded.ports[one % 2], cookie=cookie, fields=PROGRAM)
            for one in range(50)
        ]
        assert {answer.status for answer in await asyncio.gather(*asked)} == {200}
        assert program.lines[-1] == json.dumps({"refreshed": 1}, separators=(",", ":"))

        # The person logs out at the provider, which calls the gateway.
        kept = browser.cookie
        hint = await browser_log_out_url(guarded, browser)
        await person.go(hint, f"{issuer}/session/end/success", {"logout": "yes"})

        async def is_out() -> bool:
            statuses = [
                (await browser.ask("/", port=one, cookie=kept, fields=PROGRAM)).status
                for one in guarded.ports
            ]
            return statuses == [401, 401]

        await eventually(is_out)
        assert not [line for line in program.lines if '"error"' in line]


async def browser_log_out_url(guarded: Guarded, browser: Browser) -> str:
    """Where the provider logs this browser out, without a log-out at the gateway."""
    (session,) = {
        one.id: one for way in guarded.ways for one in vars(way)["_sessions"]._newest.values()
    }.values()
    issuer = session.claims["iss"]
    return f"{issuer}/session/end?id_token_hint={session.id_token}&client_id=lockgate"


async def test_a_provider_that_asks_nothing(
    start_at: StartAt, person: Person, packages: Path
) -> None:
    """npm oauth2-mock-server; its version 8 is the last one for Node.js 20."""
    place = await installed(packages, "oauth2-mock-server@8")
    port = free_port()
    async with node_program(place, PROVIDERS / "oauth2-mock-server.mjs", [str(port)]):
        guarded = await start_at(f"http://127.0.0.1:{port}")
        await guarded.knows_everything()
        browser = here(guarded)
        await log_in(browser, person, {})
        received = guarded.gateways[0].upstream.requests[-1]
        assert received.values(b"X-Auth-Subject") == [b"johndoe"]


async def test_the_mock_of_pypi(start_at: StartAt, person: Person) -> None:
    """PyPI oidc-provider-mock, which checks little."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        guarded = await start_at(f"http://localhost:{port}")
        await guarded.knows_everything()
        browser = here(guarded)
        await log_in(browser, person, {"sub": "ada"})
        received = guarded.gateways[0].upstream.requests[-1]
        assert received.values(b"X-Auth-Subject") == [b"ada"]
        answer = await browser.ask("/oidc/logout", method="POST")
        assert answer.headers["Location"].startswith(f"http://localhost:{port}/oauth2/end_session?")
        assert (await browser.ask("/", fields=PROGRAM)).status == 401
    finally:
        process.terminate()
        await process.wait()
