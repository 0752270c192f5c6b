"""What commands say when no stack runs."""

import socket
from pathlib import Path

from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.running.absence import nothing_runs
from gateway.stack.running.finding import stack_near
from gateway.stack.running.serving import SERVE_COMMAND, Serving
from gateway.stack.state import StackRecord, StackState, stack_state


def test_outside_a_checkout_it_is_said_where_it_was_looked(tmp_path: Path) -> None:
    """The message spoke of a stack and a checkout to users who had typed only `lockgate serve`."""
    said = nothing_runs(stack_state(tmp_path, 0), tmp_path)
    assert said == (
        f"no lockgate serve runs in {tmp_path} or above: change into the folder where you started it, "
        "or start one here with `lockgate serve`"
    )
    assert "give --data-dir FOLDER" in nothing_runs(
        stack_state(tmp_path, 7), tmp_path, takes_data_dir=True
    )


def test_in_a_checkout_the_command_that_starts_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "gateway").mkdir()
    assert "make up" in nothing_runs(stack_state(tmp_path, 0), tmp_path)


def test_a_stack_that_was_stopped_is_no_stack_that_is_missing(tmp_path: Path) -> None:
    state = stack_state(tmp_path, 7)
    state.prepare()
    assert "nothing runs at port offset 7" in nothing_runs(state, tmp_path)


def test_a_stack_that_runs_at_another_offset_is_named(tmp_path: Path) -> None:
    other, stopped = stack_state(tmp_path, 20000), stack_state(tmp_path, 10000)
    stopped.prepare()
    other.prepare()
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.bind(str(other.supervisor_socket))
        supervisor.listen()
        said = nothing_runs(stack_state(tmp_path, 0), tmp_path)
    other.supervisor_socket.unlink()
    assert "a stack or `lockgate serve` runs at port offset 20000" in said
    assert "10000" not in said


def test_a_gateway_that_is_served_at_another_offset_is_named(tmp_path: Path) -> None:
    other = stack_state(tmp_path, 20000)
    other.prepare()
    serving = Serving.claim(other)
    assert serving is not None
    with serving:
        said = nothing_runs(stack_state(tmp_path, 0), tmp_path)
        below = tmp_path / "src" / "orders"
        below.mkdir(parents=True)
        said_below = nothing_runs(stack_near(below, 0), below)
    assert "a stack or `lockgate serve` runs at port offset 20000" in said
    assert said_below == said


def test_a_data_folder_without_a_gateway_is_named(tmp_path: Path) -> None:
    said = nothing_runs(StackState(tmp_path / "data"), tmp_path)
    assert f"nothing runs with {tmp_path}/data" in said


def test_after_serve_it_is_serve_that_is_named_with_the_offset(tmp_path: Path) -> None:
    """The message named `lockgate up`, which starts the example services, and offset 0."""
    state = stack_state(tmp_path, 7)
    state.prepare()
    gateway = ProcessSpec(GATEWAY, GATEWAY, 8087, SERVE_COMMAND)
    state.save_record(StackRecord((gateway,), "redis://127.0.0.1:6386/0", "", 15))
    assert "`lockgate serve --port-offset 7`" in nothing_runs(state, tmp_path)


def test_the_command_has_the_offset_at_which_nothing_runs(tmp_path: Path) -> None:
    state = stack_state(tmp_path, 7)
    state.prepare()
    assert "`lockgate up --port-offset 7`" in nothing_runs(state, tmp_path)
