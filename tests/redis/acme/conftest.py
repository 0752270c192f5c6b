"""An authority and keepers for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.acme.spec import AcmeSpec
from tests.support.keepers import RunningKeeper
from tests.support.pebble import Pebble

StartKeeper = Callable[..., Awaitable[RunningKeeper]]
StartPebble = Callable[..., Pebble]


@pytest.fixture
def start_pebble(tmp_path: Path) -> Iterator[StartPebble]:
    """`start_pebble(lifetime_s=60)`: an authority for this test alone."""
    running: list[Pebble] = []

    def start(**options: Any) -> Pebble:
        made = Pebble(tmp_path / f"pebble{len(running)}", **options)
        running.append(made)
        made.start()
        return made

    yield start
    for one in running:
        one.kill()


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
