"""A route whose requests are copied to the service `shadow`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.upstreams import OK, Received, Script, ScriptedUpstream

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        mirror: {to: {service: shadow}, MORE}
"""


@dataclass(slots=True)
class Mirrored:
    """`copies` says what came to the mirror."""

    configured: Configured
    shadow: ScriptedUpstream

    @property
    def copies(self) -> list[Received]:
        return self.shadow.requests

    async def report(self) -> dict[str, Any]:
        """The one report that there is."""
        answer = await self.configured.gateway.admin("GET", "/mirrors")
        assert answer.status == 200
        reports = answer.json()["mirrors"]
        assert len(reports) == 1
        found: dict[str, Any] = reports[0]
        return found

    async def reported(self, **copies: int) -> dict[str, Any]:
        """The report once it has counted these copies and nothing is under way."""

        async def look() -> dict[str, Any] | None:
            report = await self.report()
            gateway = self.configured.gateway.gateway
            assert gateway.mirroring is not None
            is_over: bool = gateway.mirroring.numbers().in_flight == {}
            return report if report["copies"] == copies and is_over else None

        found: dict[str, Any] | None = await eventually(look)
        assert found is not None
        return found


StartMirrored = Callable[..., Awaitable[Mirrored]]


@pytest.fixture
def start_mirrored(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> StartMirrored:
    """`await start_mirrored(answer, answer_of_the_mirror, more)`, with `more` keys of the mirror."""

    async def start(
        answer: bytes | Script = OK,
        mirror: bytes | Script = OK,
        more: str = "",
        *,
        file: str = FILE,
        **environment: str,
    ) -> Mirrored:
        text = file.replace("MORE", more)
        configured = await start_configured(text, answer, **environment)
        shadow = await start_upstream(mirror)
        await configured.gateway.register("shadow", shadow.port, health_check_url="/health")
        return Mirrored(configured, shadow)

    return start
