"""The chaos suite with other gateways instead of Lockgate, and the page that it writes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.chaos.judging_peers import judging
from bench.chaos.load import Request
from bench.chaos.outcome import Death, Outcome
from bench.chaos.peers import Peer, installed
from bench.chaos.runner import run
from bench.chaos.scenarios import SCENARIOS


@pytest.mark.xdist_group("chaos-0")
@pytest.mark.parametrize("name", ["instances killed", "crash and stop", "gateway killed"])
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for make, name in installed()])
async def test_a_peer_is_entered_with_all_instances_and_finds_them_again(
    make: Callable[[], Peer], name: str, tmp_path: Path
) -> None:
    """A peer may lose requests, but it must get the same requests and become stable again."""
    (scenario,) = (one for one in SCENARIOS if one.name == name)

    outcome = await run(scenario, tmp_path, short=True, peer=make())

    assert outcome.recovered
    assert outcome.twice == []
    assert len(outcome.failed) < len(outcome.requests) / 4
    assert {one.method for one in outcome.requests} == {"GET", "POST"}


@pytest.mark.xdist_group("chaos-1")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for make, name in judging()])
async def test_a_peer_that_judges_meets_the_same_fault(
    make: Callable[[], Peer], tmp_path: Path
) -> None:
    (scenario,) = (one for one in SCENARIOS if one.name == "judged: some fail")

    outcome = await run(scenario, tmp_path, short=True, peer=make())

    assert outcome.recovered
    assert outcome.nothing_broken is None
    assert outcome.twice == []
    assert len(outcome.failed) < len(outcome.requests) / 4


@pytest.mark.parametrize(
    ("failures", "deaths", "executed", "said"),
    [
        ([], [], [], "0"),
        (["GET", "POST", "POST"], [], [], "1 GET, 2 POST"),
        (["GET", "POST"], [Death(1.5, 1.6)], ["w"], "1 GET (+1 under way)"),
        (["POST", "POST"], [Death(0.9, 1.1)], [], "0 (+2 under way, 2 not carried out)"),
        (["POST"], [Death(0.5, 0.9)], [], "1 POST"),
        (["POST"], [Death(2.1, 2.2)], [], "1 POST"),
        (["POST"], [], ["a", "a"], "1 POST, 1 twice"),
    ],
)
def test_what_was_lost_is_said_by_method(
    failures: list[str], deaths: list[Death], executed: list[str], said: str
) -> None:
    requests = [Request(method, "w", 1.0, 2.0, "502") for method in failures]
    requests.append(Request("GET", "w", 1.0, 2.0))
    outcome = Outcome("", "", requests, executed, 0.0, deaths, None, None, recovered=True)

    assert outcome.lost() == said
