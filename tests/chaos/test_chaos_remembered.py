"""The short form of the chaos scenarios in which the gateway remembers the answers of a service."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.chaos.remembered import NOTHING, SCENARIOS, Remembered, run

#: Its processes start slowly on a busy machine.
pytestmark = pytest.mark.timeout(180)


@pytest.mark.xdist_group("chaos-1")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_clients_see_nothing_of_a_fault(scenario: Remembered, tmp_path: Path) -> None:
    seen = await run(scenario, tmp_path, short=True)
    print(seen.line())
    assert seen.problems() == []


@pytest.mark.xdist_group("chaos-0")
async def test_without_a_cache_they_do(tmp_path: Path) -> None:
    """A fault that nobody notices would prove nothing."""
    seen = await run(replace(SCENARIOS[0], cache=NOTHING), tmp_path, short=True)
    assert seen.failed.total() > len(seen.reads) / 2
