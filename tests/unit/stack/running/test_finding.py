"""Which stack a command in a folder refers to."""

import os
from pathlib import Path

import pytest

from gateway.stack.running.finding import stack_near
from gateway.stack.running.serving import Serving, served_pids
from gateway.stack.state import StackState, stack_state


def kept(folder: Path, offset: int = 0) -> StackState:
    """The state of a stack that ran in the folder."""
    state = stack_state(folder, offset)
    state.directory.mkdir(parents=True)
    return state


@pytest.fixture
def below(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "src"
    folder.mkdir(parents=True)
    return folder


def test_it_is_that_of_the_nearest_folder_that_has_one(tmp_path: Path, below: Path) -> None:
    assert stack_near(below, 0) == stack_state(below, 0), "what would be started there"
    kept(tmp_path)
    nearer = kept(tmp_path / "shop")
    assert stack_near(below, 0) == nearer
    assert stack_near(below, 5) == stack_state(below, 5), "another offset is another stack"


def test_one_that_runs_comes_before_a_nearer_one_that_ran_once(tmp_path: Path, below: Path) -> None:
    kept(below)
    runs = kept(tmp_path)
    serving = Serving.claim(runs)
    assert serving is not None
    with serving:
        assert served_pids(runs) == {"api_gateway": os.getpid()}
        assert stack_near(below, 0) == runs
    assert served_pids(runs) == {}
    assert stack_near(below, 0) == stack_state(below, 0)


def test_a_checkout_is_not_left(tmp_path: Path, below: Path) -> None:
    """Otherwise the stack in a home folder would be that of each new checkout below."""
    kept(tmp_path)
    checkout = tmp_path / "shop"
    (checkout / "setup.cfg").write_text("")
    (checkout / "gateway").mkdir()
    assert stack_near(below, 0) == stack_state(checkout, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_another_user_has_put_above_is_not_believed(tmp_path: Path, below: Path) -> None:
    """Such a file would decide where the admin token is sent."""
    os.chown(kept(tmp_path).directory, 12345, 12345)
    assert stack_near(below, 0) == stack_state(below, 0)


def test_only_one_serves_and_others_see_its_latest_processes(tmp_path: Path) -> None:
    state = kept(tmp_path)
    first = Serving.claim(state)
    assert first is not None
    with first:
        assert Serving.claim(state) is None
        for pid in (4_000_000, 7):
            first.note("registry", pid)
        assert served_pids(state) == {"api_gateway": os.getpid(), "registry": 7}
    again = Serving.claim(state)
    assert again is not None
    with again:
        assert served_pids(state) == {"api_gateway": os.getpid()}, "not those of the one before"
