"""A gateway with a configuration file, and an upstream that is registered as `order_service`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.gateways import RunningGateway
from tests.support.patience import be_patient
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import OK, Script, ScriptedUpstream


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the registry more time; tests of what is done without it stop it, or take the time back."""
    be_patient(monkeypatch)


@dataclass(slots=True)
class Configured:
    """`ask` sends a request line with fields; `upstream` says what came through."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    file: Path

    async def ask(
        self, path: str, *fields: str, host: str = "a.example", method: str = "GET", body: str = ""
    ) -> RawAnswer:
        length = (f"Content-Length: {len(body)}",) if body else ()
        lines = "".join(f"{line}\r\n" for line in (f"Host: {host}", *fields, *length))
        request = f"{method} {path} HTTP/1.1\r\n{lines}\r\n{body}"
        return await exchange(self.gateway.port, request.encode("latin-1"))

    async def statuses(self, number: int, path: str, *fields: str, host: str = "h") -> list[int]:
        return [(await self.ask(path, *fields, host=host)).status for _ in range(number)]

    def write(self, text: str) -> None:
        """Replace the file, as editors do."""
        other = self.file.with_suffix(".new")
        other.write_text(dedent(text))
        other.replace(self.file)


StartConfigured = Callable[..., Awaitable[Configured]]


@pytest.fixture
def start_configured(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> StartConfigured:
    """`await start_configured(text, NAME=…)`: a gateway with that file and environment."""

    async def start(
        text: str, answer: bytes | Script = OK, *, registers: bool = True, **environment: str
    ) -> Configured:
        file = tmp_path / "lockgate.yaml"
        upstream = await start_upstream(answer)
        file.write_text(dedent(text).replace("PORT", str(upstream.port)))
        gateway = await start_gateway(GATEWAY_CONFIG=str(file), **environment)
        if registers:
            await gateway.register("order_service", upstream.port, health_check_url="/health")
        return Configured(gateway, upstream, file)

    return start
