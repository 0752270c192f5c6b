"""What `announce()` says while its registry is away, for each kind of failure, and afterwards."""

import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from discovery.announcing.announcement import Announcement
from discovery.model.answers import Standing
from discovery.model.errors import (
    DiscoveryError,
    RegistrationRefused,
    RegistryUnavailable,
)
from discovery.model.instance import Instance
from discovery.model.settings import RegistrySettings
from tests.support.eventually import eventually

REFUSED = RegistryUnavailable("the registry does not answer: Connection refused")
TIMED_OUT = RegistryUnavailable("the registry does not answer: Timeout reading")


class Registry:
    """A registrar whose heartbeats fail as listed, and succeed from then on."""

    def __init__(self, port: int, failures: list[DiscoveryError | None]) -> None:
        self.registry = f"redis://away:{port}/0"  # for this test alone
        self.failures = failures

    async def register(self, instance: Instance) -> None:
        await self.renew(instance.key)

    async def renew(self, key: str) -> str:
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return "healthy"

    async def standing(self, key: str) -> Standing:
        return Standing("healthy", gateway_url="http://localhost:8080")

    async def drain(self, key: str) -> None: ...

    async def drained(self, key: str) -> None: ...

    async def deregister(self, key: str) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a service that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def events(port: int, *failures: DiscoveryError | None) -> list[str]:
    """All events until the first heartbeat after the failures has succeeded."""
    settings = RegistrySettings(heartbeat_interval_s=0.05, instance_ttl_s=1.0)
    registry = Registry(port, [*failures, None, None])
    instance = Instance(name="orders", id="o1", host="localhost", port=port)
    announcement = Announcement(instance, settings, registry)
    with capture_logs() as logs:
        announcement.start()
        await eventually(lambda: not registry.failures)
        await announcement.withdraw()
    health = "announce.healthy"
    return [line["event"].removeprefix("announce.") for line in logs if line["event"] != health]


async def test_an_outage_is_told_once_and_so_is_its_end(port: int) -> None:
    """Two lines alternated during the outage, and no line came at its end."""
    said = await events(port, None, REFUSED, TIMED_OUT, REFUSED, TIMED_OUT)
    assert said == ["registered", "registry_unavailable", "registry_back"]


async def test_each_outage_is_told(port: int) -> None:
    said = await events(port, None, REFUSED, None, REFUSED)
    assert said == ["registered", *["registry_unavailable", "registry_back"] * 2]


async def test_one_that_is_away_at_the_start_is_back_before_it_is_registered(port: int) -> None:
    said = await events(port, REFUSED, REFUSED)
    assert said == ["registry_unavailable", "registry_back", "registered"]


async def test_a_registry_that_refuses_was_never_away(port: int) -> None:
    refused = RegistrationRefused("401")
    assert await events(port, None, refused, refused) == ["registered", "refused"]


async def test_each_refusal_in_other_words_is_told(port: int) -> None:
    said = await events(port, None, RegistrationRefused("401"), RegistrationRefused("403"))
    assert said == ["registered", "refused", "refused"]
