"""A gateway whose route needs a log-in, with its provider."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from middlewares.auth.way import Way
from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import Configured
from tests.support.eventually import eventually
from tests.support.oidc import CLIENT_SECRET, Browser, Provider
from tests.support.upstreams import OK, Script

FILE = """
    auth:
      staff:
        type: oidc
        issuer: ISSUER
        client_id: lockgate
        client_secret_file: oidc.secret
        scopes: [openid, email]
        session: {SESSION}
    defaults: {auth: none}
    discover: false
    routes:
      - name: app
        match: {host: app.example}
        service: order_service
        auth: {any_of: [staff]}
      - name: open
        match: {host: open.example}
        service: order_service
"""


@dataclass(slots=True)
class Guarded:
    """Gateways on one registry, and a provider; `browser()` makes a browser of the first gateway."""

    provider: Provider
    gateways: list[Configured]
    _browsers: list[Browser] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.gateways[0].gateway.port

    @property
    def ports(self) -> list[int]:
        return [one.gateway.port for one in self.gateways]

    def browser(self, host: str = "app.example") -> Browser:
        browser = Browser(self.port, host)
        self._browsers.append(browser)
        return browser

    def set_clocks(self, ahead_s: float) -> None:
        """Let the clocks of the ways, and the provider's, be ahead of the machine's."""
        self.provider.ahead_s = ahead_s
        for way in self.ways:
            for part in (way, *vars(way).values()):
                if hasattr(part, "_now"):
                    part._now = lambda: time.time() + ahead_s

    @property
    def ways(self) -> list[Way]:
        """The live ways of all gateways."""
        every = [one.gateway.gateway.ways for one in self.gateways]
        return [way for ways in every if ways is not None for way in ways.live.values()]

    async def knows_everything(self) -> None:
        """Wait until each gateway has heard of the provider and of the registry.

        A provider may be a program that starts only now, and a gateway asks again after up to five seconds.
        """
        for way in self.ways:
            await eventually(lambda way=way: way.describe()["provider_known"], within_s=40)
            await eventually(lambda way=way: way.describe()["registry"])

    async def close(self) -> None:
        for browser in self._browsers:
            await browser.close()


StartGuarded = Callable[..., Awaitable[Guarded]]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def start_guarded(
    start_gateway: StartGateway, start_upstream: StartUpstream, provider: Provider, tmp_path: Path
) -> AsyncIterator[StartGuarded]:
    """`await start_guarded(session="store: registry", gateways=2)`."""
    made: list[Guarded] = []

    async def start(
        text: str = FILE,
        *,
        session: str = "lasts: 1h",
        gateways: int = 1,
        answer: bytes | Script = OK,
        waits: bool = True,
        environments: list[dict[str, str]] | None = None,
        **environment: str,
    ) -> Guarded:
        upstream = await start_upstream(answer)
        secret = tmp_path / "oidc.secret"
        secret.write_text(CLIENT_SECRET + "\n")
        secret.chmod(0o600)
        session_secret = tmp_path / "session.secret"
        session_secret.touch(0o600)
        session_secret.write_text("s" * 64 + "\n")
        file = tmp_path / "lockgate.yaml"
        file.write_text(dedent(text).replace("ISSUER", provider.issuer).replace("SESSION", session))
        running = []
        for number in range(gateways):
            own = environments[number] if environments else {}
            gateway = await start_gateway(GATEWAY_CONFIG=str(file), **{**environment, **own})
            await gateway.register("order_service", upstream.port, health_check_url="/health")
            running.append(Configured(gateway, upstream, file))
        guarded = Guarded(provider, running)
        made.append(guarded)
        if waits and provider.broken is None and not provider.document:
            await guarded.knows_everything()
        return guarded

    yield start
    for guarded in made:
        await guarded.close()
