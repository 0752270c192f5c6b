"""Rolls and the ends of single workers, in the short form; and what the suite itself must not overlook."""

import asyncio
from pathlib import Path

import pytest

from bench.chaos.load import Request
from bench.chaos.outcome import Death
from bench.chaos.rolls.outcome import Rolled
from bench.chaos.rolls.runner import Stage, run
from bench.chaos.rolls.scenarios import SCENARIOS, TWO, Scenario
from bench.peers.peer import find


def _param(scenario: Scenario) -> object:
    # One at a time: each starts up to eight processes that import the gateway.
    marks = [pytest.mark.xdist_group("chaos-0"), pytest.mark.timeout(240)]
    if scenario.shape.balanced and find("haproxy") is None:
        marks.append(pytest.mark.skip("HAProxy is not installed"))
    return pytest.param(scenario, id=scenario.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("scenario", [_param(one) for one in SCENARIOS if one.tested])
async def test_nobody_notices_but_the_clients_of_a_worker_that_dies(
    scenario: Scenario, tmp_path: Path
) -> None:
    rolled = await run(scenario, tmp_path, short=True)
    print(rolled.line())
    assert rolled.problems() == []


async def nothing(stage: Stage, seconds: float) -> None:
    await asyncio.sleep(seconds)


@pytest.mark.xdist_group("chaos-0")
@pytest.mark.timeout(120)
async def test_a_scenario_that_does_nothing_fails(tmp_path: Path) -> None:
    rolled = await run(Scenario("idle", "nothing", nothing, TWO), tmp_path, short=True)

    assert rolled.problems() == ["the scenario itself failed: it never came to an end"]


def request(client_port: int, sent_s: float, failure: str | None = "connection ended") -> Request:
    return Request("GET", "GET-1", sent_s, sent_s + 0.1, failure, [], client_port)


def rolled(*requests: Request, cut_ports: tuple[int, ...] = ()) -> Rolled:
    """Clients at the ports 1 and 2 were connected to a worker that died from 10 s to 10.1 s."""
    return Rolled(
        name="killed",
        did="kill -9",
        requests=[request(9, 5.0, None), request(9, 10.0, None), *requests],
        tunnels=1,
        streams=1,
        came=1,
        cut=["tunnel: Ended"] * len(cut_ports),
        cut_ports=cut_ports,
        began_s=9.0,
        ended_s=20.0,
        replaced=1,
        ports_of_dead=[(Death(10.0, 10.1), {1, 2})],
    )


def test_a_failure_on_a_connection_of_the_dead_worker_is_counted_apart() -> None:
    seen = rolled(request(1, 9.95), request(2, 10.05))

    assert (len(seen.failed), len(seen.on_dead_connections)) == (0, 2)
    assert seen.problems() == []


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (request(3, 10.0), "of another worker"),
        (request(1, 15.0), "long after the end"),
        (request(1, 9.0), "before the end"),
    ],
)
def test_any_other_failure_counts(one: Request, why: str) -> None:
    assert rolled(one).problems() == ["1 requests failed (1 x connection ended)"], why


def test_a_tunnel_that_is_cut_counts_unless_its_worker_died() -> None:
    assert rolled(cut_ports=(1,)).problems() == []
    assert rolled(cut_ports=(1, 3)).problems() == ["1 were cut (1 x tunnel: Ended)"]
