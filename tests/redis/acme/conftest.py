"""An authority and keepers for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gateway.acme.spec import AcmeSpec
from tests.support.keepers import RunningKeeper
from tests.support.pebble import Pebble
from tests.support.pebble import StartPebble as StartPebble
from tests.support.pebble import start_pebble as start_pebble

StartKeeper = Callable[..., Awaitable[RunningKeeper]]


@pytest.fixture
async def start_keeper(registry_url: str) -> AsyncIterator[StartKeeper]:
    """`await start_keeper("a", spec, ports=[…])`: a keeper on the test's registry."""
    running: list[RunningKeeper] = []

    async def start(name: str, spec: AcmeSpec, **options: Any) -> RunningKeeper:
        url = options.pop("registry_url", registry_url)
        made = await RunningKeeper.start(url, name, spec, **options)
        running.append(made)
        return made

    yield start
    for one in running:
        await one.stop()


def spec_for(pebble: Pebble, *domains: str, **more: Any) -> AcmeSpec:
    """A spec for these domains at an authority."""
    return AcmeSpec(
        domains, directory=pebble.directory, ca=pebble.ca, email="ops@a.example", **more
    )
