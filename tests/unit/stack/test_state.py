"""What a stack remembers, and where."""

import stat
from pathlib import Path

import pytest

from gateway.stack.plan import ProcessSpec
from gateway.stack.state import (
    LONGEST_SOCKET_PATH,
    StackRecord,
    project_root,
    stack_state,
)


def test_each_offset_has_its_own_directory_and_marker(tmp_path: Path) -> None:
    one, two = stack_state(tmp_path, 2), stack_state(tmp_path, 20)
    assert one.directory == tmp_path / ".lockgate" / "2"
    assert not two.marker.startswith(one.marker)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = stack_state(tmp_path, 0)
    state.prepare()
    assert state.load_record() is None
    process = ProcessSpec("a", "a", 1, ("python", "-m", "a"), {"SERVICE_PORT": "1"})
    record = StackRecord((process,), "redis://127.0.0.1:6379/0", "found", 15)
    state.save_record(record)
    assert state.load_record() == record
    assert stat.S_IMODE(state.record_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"processes": [{"name": "a"}]}',
        '{"x": 1}',
        '{"processes": [], "registry_url": 5, "registry_about": null, "stop_wait_s": "x"}',
    ],
)
def test_a_record_of_another_version_counts_as_none(tmp_path: Path, text: str) -> None:
    state = stack_state(tmp_path, 0)
    state.prepare()
    state.record_file.write_text(text)
    assert state.load_record() is None


def test_the_admin_token_is_random_private_and_kept(tmp_path: Path) -> None:
    state, other = stack_state(tmp_path, 0), stack_state(tmp_path, 1)
    for each in (state, other):
        each.prepare()
        each.ensure_admin_token()
    token = state.token_file.read_text()
    assert token != other.token_file.read_text()
    assert stat.S_IMODE(state.token_file.stat().st_mode) == 0o600
    state.token_file.chmod(0o644)
    state.ensure_admin_token()
    assert state.token_file.read_text() == token
    assert stat.S_IMODE(state.token_file.stat().st_mode) == 0o600


def test_a_deep_checkout_gets_a_short_socket_path_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    deep = tmp_path / ("deep" * 30)
    one, two = stack_state(deep, 0), stack_state(deep, 1)
    assert len(str(one.supervisor_socket)) <= LONGEST_SOCKET_PATH
    assert one.supervisor_socket != two.supervisor_socket


def test_the_root_is_the_checkout_around_or_else_the_directory_itself(tmp_path: Path) -> None:
    inside = tmp_path / "docs" / "guides"
    inside.mkdir(parents=True)
    assert project_root(inside) == inside
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "gateway").mkdir()
    assert project_root(inside) == tmp_path
