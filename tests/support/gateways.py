"""Runs the gateway in this process on a real socket, with its whole chain."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from discovery.model.addresses import AddressPolicy, listeners
from discovery.model.fixed import FixedService
from gateway.app import create_app, create_runner
from gateway.config.settings import GatewaySettings, load_settings
from gateway.config.urls import own_url
from gateway.front.connection import GatewayRequestHandler
from gateway.front.server import FrontSite, GatewayRunner
from gateway.process.draining import drain
from gateway.worker.configuration.at_start import read_at_start
from gateway.worker.worker import GATEWAY, Gateway
from tests.support.eventually import eventually

ADMIN_TOKEN = "the-admin-token-of-tests"


def gateway_settings(environment: Mapping[str, str]) -> GatewaySettings:
    """Settings for a test: quick probes, an admin token, and no limit unless it is set.

    A busy machine may stop a test for some seconds in the middle of a connect.
    """
    return load_settings(
        {
            "ADMIN_TOKEN": ADMIN_TOKEN,
            "RATE_LIMIT_REQUESTS": "0",
            "HEALTH_CHECK_INTERVAL": "0.2",
            "HEALTH_CHECK_TIMEOUT": "1",
            "UPSTREAM_CONNECT_TIMEOUT": "10",
            "SHUTDOWN_GRACE": "2",
            **environment,
        }
    )


class RunningGateway:
    """A running gateway and a client of it; `url` has no slash at its end."""

    def __init__(
        self, runner: GatewayRunner, gateway: Gateway, port: int, listening: socket.socket
    ) -> None:
        self.gateway = gateway
        self.member = gateway.member
        self.port = port
        self.url = f"{gateway.scheme}://127.0.0.1:{port}"
        # Where it speaks TLS, tests of that check its certificate.
        connector = aiohttp.TCPConnector(ssl=False) if gateway.scheme == "https" else None
        self.session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        self.listening = listening
        self._runner = runner
        self._stopped = False

    @classmethod
    async def start(
        cls,
        settings: GatewaySettings,
        change: Callable[[web.Application], None] | None = None,
        fixed: Iterable[FixedService] = (),
        view_within_s: float | None = None,
    ) -> "RunningGateway":
        """Start a gateway; `change` is called with the application before.

        With `view_within_s` it starts without a view if none comes in time.
        """
        app = create_app(settings, read_at_start(settings))
        if change is not None:
            change(app)
        gateway = app[GATEWAY]
        runner = create_runner(app)
        await runner.setup()
        if fixed := tuple(fixed):
            await gateway.member.replace_fixed(fixed)
        async with asyncio.timeout(30):
            await gateway.member.ready(view_within_s)
        remembering = gateway.remembering
        if remembering is not None and remembering.is_used and view_within_s is None:
            # What it keeps before it has first heard of the log of purges, it drops then.
            await eventually(lambda: remembering.purging.is_current)
        listening = _listening()
        if gateway.tls is None:
            await web.SockSite(runner, listening, backlog=128).start()
        else:
            await gateway.tls.listen()
            await FrontSite(runner, listening, 128, gateway.tls).start()
        port = int(runner.addresses[0][1])
        gateway.member.url = own_url(
            settings.gateway_url, settings.gateway_host, port, gateway.scheme
        )
        await gateway.member.sweeper.sweep()  # registrants learn the address
        gateway.dialer.policy = AddressPolicy(
            settings.allowed_hosts, listeners([("127.0.0.1", port)])
        )
        return cls(runner, gateway, port, listening)

    @property
    def listens(self) -> bool:
        """Whether it takes connections."""
        return bool(self._runner.sites)

    @property
    def connections(self) -> list[GatewayRequestHandler]:
        """The open client connections."""
        return self._runner.gateway_server.clients()

    async def drain(self) -> None:
        """Drain as at SIGTERM."""
        await drain(self.gateway, self._runner, [self.listening])

    async def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self.session.close()
            await self._runner.cleanup()

    async def request(self, method: str, path: str, **kwargs: Any) -> "Answer":
        """Send a request through a pooled client and read the whole answer."""
        async with self.session.request(
            method, self.url + path, allow_redirects=False, **kwargs
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **kwargs: Any) -> "Answer":
        return await self.request("GET", path, **kwargs)

    async def admin(self, method: str, path: str, **kwargs: Any) -> "Answer":
        """Send a request with the admin token."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", **kwargs.pop("headers", {})}
        return await self.request(method, path, headers=headers, **kwargs)

    async def register(
        self, name: str, port: int, instance_id: str = "i1", *, routable: bool = True, **body: Any
    ) -> None:
        """Register an instance over HTTP, and wait until this gateway routes to it."""
        path = f"/services/{name}/instances/{instance_id}"
        answer = await self.admin("PUT", path, json={"host": "127.0.0.1", "port": port, **body})
        assert answer.status in (200, 201), answer.body
        if routable:
            key = f"{name}/{instance_id}"
            await eventually(lambda: self.member.health.status(key) == "healthy")


def _listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class Answer:
    """A response that has been read."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The contract's `reason` of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return str(self.json()["reason"])
