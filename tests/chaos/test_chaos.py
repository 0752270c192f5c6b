"""The short form of the chaos suite: real processes are killed, hung and emptied while requests come in."""

from pathlib import Path

import pytest

from bench.chaos.runner import run
from bench.chaos.scenarios import SCENARIOS, Scenario

#: Its processes start slowly on a busy machine.
pytestmark = pytest.mark.timeout(180)


def _param(number: int, scenario: Scenario) -> object:
    # Two at a time, because more would only compete for the processor.
    marks = [pytest.mark.xdist_group(f"chaos-{number % 2}")]
    return pytest.param(scenario, id=scenario.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize(
    "scenario", [_param(number, scenario) for number, scenario in enumerate(SCENARIOS)]
)
async def test_no_request_is_lost_that_could_have_been_served(
    scenario: Scenario, tmp_path: Path
) -> None:
    outcome = await run(scenario, tmp_path, short=True)
    print(outcome.line())
    assert outcome.problems() == []
