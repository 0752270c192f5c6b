"""What a master hands on to the next one, which may be of another release."""

import json
import os
from dataclasses import asdict

import pytest

from gateway.master.state import MasterState, PortState, WorkerState

STATE = MasterState(
    sockets={"public": 3},
    workers=2,
    gateway="g",
    kept={"config": "é"},
    departed={"a": 1.5},
    ends={"0": 3},
    ended={"0": {"at_s": 1.5, "why": "hung", "in_a_row": 3}},
    roll={"number": 7, "state": "running", "old": [12]},
    running=[WorkerState(0, 12, 5, 6, 1.0, "ready", attached=[(3, 9)])],
    ports=[PortState("127.0.0.1", 80, 8, ["12"])],
)


def written(said: object) -> int:
    out, into = os.pipe()
    with os.fdopen(into, "w") as file:
        json.dump(said, file)
    return out


def test_it_is_read_as_it_was_written() -> None:
    found = MasterState.of_descriptor(STATE.to_descriptor())

    assert asdict(found) == json.loads(json.dumps(asdict(STATE)))
    assert found.running[0].pid == 12
    assert found.ports[0].holders == ["12"]


def test_members_that_a_release_does_not_know_are_left_out() -> None:
    said = asdict(STATE) | {"from_a_later_release": 1}
    said["running"][0]["later"] = 2

    found = MasterState.of_descriptor(written(said))

    assert found.workers == 2
    assert found.running[0].slot == 0


def test_members_that_an_earlier_release_did_not_write_have_their_defaults() -> None:
    """The first release of the master wrote these."""
    running = {
        "slot": 0,
        "pid": 1,
        "channel": 5,
        "errors": 6,
        "started_at_s": 1.0,
        "state": "ready",
    }
    said = {"sockets": {"public": 3}, "workers": 2, "gateway": "g", "running": [running]}

    found = MasterState.of_descriptor(written(said))

    assert found.running[0].counters == {}
    assert found.ports == []


def test_what_cant_be_read_is_an_error_and_no_guess() -> None:
    with pytest.raises(TypeError, match="workers"):
        MasterState.of_descriptor(written({"sockets": {}}))


def test_all_descriptors_are_known_that_another_master_inherits() -> None:
    assert sorted(STATE.descriptors) == [3, 5, 6, 8, 9]
