"""Gateways on one registry, and a service in two versions."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.conftest import StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import Answer, RunningGateway, gateway_settings
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received, ScriptedUpstream

FILE = """
    defaults:
      limits: null
    routes:
      - name: orders
        match: {prefix: /}
        service: order_service
        split:
          by: {header: X-User}
          shares: {">=2": 30, "^1": 70}
          override: {header: X-Version}
"""
SERVICE = "order_service"


@dataclass
class Version:
    """A version of the service: it answers with its name, and with this status."""

    name: str
    status: str = "200 OK"
    head: str = ""
    delay_s: float = 0.0
    asked: int = 0

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        is_probe = received.target == b"/health"
        self.asked += not is_probe
        if self.delay_s and not is_probe:
            await asyncio.sleep(self.delay_s)
        status = "200 OK" if is_probe else self.status
        length = f"Content-Length: {len(self.name)}\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{self.head}{length}\r\n{self.name}".encode())


@dataclass
class Canary:
    """Gateways with one file, and what they are put in front of."""

    file: Path
    registry: RegistryServer
    start_upstream: StartUpstream
    environment: dict[str, str]
    gateways: list[RunningGateway] = field(default_factory=list)
    upstreams: dict[str, ScriptedUpstream] = field(default_factory=dict)
    old: Version = field(default_factory=lambda: Version("v1"))
    new: Version = field(default_factory=lambda: Version("v2"))

    async def start_gateway(self) -> RunningGateway:
        gateway = await RunningGateway.start(gateway_settings(self.environment))
        self.gateways.append(gateway)
        return gateway

    async def register(self, version: Version, number: str, service: str = SERVICE) -> None:
        """Start an instance of a version, and wait until all gateways know it."""
        upstream = self.upstreams[number] = await self.start_upstream(version)
        await self.gateways[0].register(
            service, upstream.port, f"i{number}", version=number, health_check_url="/health"
        )
        for gateway in self.gateways:
            await self.knows(gateway, number, service)

    async def knows(self, gateway: RunningGateway, number: str, service: str = SERVICE) -> None:
        key = f"{service}/i{number}"
        await eventually(lambda: gateway.member.health.status(key) == "healthy")

    async def ask(
        self, user: str | int, *fields: str, gateway: int = 0, method: str = "GET", body: str = ""
    ) -> RawAnswer:
        length = (f"Content-Length: {len(body)}",) if body else ()
        lines = "".join(f"{line}\r\n" for line in ("Host: h", f"X-User: {user}", *fields, *length))
        request = f"{method} /a HTTP/1.1\r\n{lines}\r\n{body}"
        return await exchange(self.gateways[gateway].port, request.encode())

    async def served(self, users: range, *fields: str, gateway: int = 0) -> dict[int, str]:
        """Which version each user gets."""
        return {
            user: (await self.ask(user, *fields, gateway=gateway)).body.decode() for user in users
        }

    async def admin(self, method: str, path: str, *, gateway: int = 0, **kwargs: Any) -> Answer:
        return await self.gateways[gateway].admin(method, path, **kwargs)

    async def split(self, gateway: int = 0) -> dict[str, Any]:
        """The only split of a gateway."""
        answer = await self.admin("GET", "/splits", gateway=gateway)
        (one,) = answer.json()["splits"]
        return dict(one)

    async def change(self, gateway: int = 0, **shares: float) -> Answer:
        body = {"shares": {">=2" if name == "new" else "^1": one for name, one in shares.items()}}
        return await self.admin("PUT", "/splits/orders", gateway=gateway, json=body)

    async def becomes(self, status: str, gateway: int = 0) -> dict[str, Any]:
        """Wait until the split has this status."""

        async def has() -> bool:
            return bool((await self.split(gateway))["status"] == status)

        await eventually(has, within_s=60)
        return await self.split(gateway)

    def write(self, text: str) -> None:
        other = self.file.with_suffix(".new")
        other.write_text(dedent(text))
        other.replace(self.file)

    async def reload(self, text: str, gateway: int = 0) -> None:
        self.write(text)
        answer = await self.admin("POST", "/config/reload", gateway=gateway)
        assert answer.status == 200, answer.body


StartCanary = Callable[..., Awaitable[Canary]]


@pytest.fixture
async def start_canary(
    own_registry: RegistryServer, start_upstream: StartUpstream, tmp_path: Path
) -> AsyncIterator[StartCanary]:
    """`await start_canary(text, gateways=2)`: gateways with that file, and both versions."""
    made: list[Canary] = []

    async def start(text: str = FILE, *, gateways: int = 1, **environment: str) -> Canary:
        file = tmp_path / "lockgate.yaml"
        file.write_text(dedent(text))
        environment |= {"REDIS_URL": own_registry.url, "GATEWAY_CONFIG": str(file)}
        canary = Canary(file, own_registry, start_upstream, environment)
        made.append(canary)
        for _ in range(gateways):
            await canary.start_gateway()
        await canary.register(canary.old, "1.0.0")
        await canary.register(canary.new, "2.0.0")
        return canary

    yield start
    for canary in made:
        for gateway in canary.gateways:
            await gateway.stop()


def shares_of(served: dict[int, str]) -> Counter[str]:
    return Counter(served.values())
