"""The environment of a stack's process, read back by a real shell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stack.changes.environment import process_environment, shell_script
from gateway.stack.plan import ProcessSpec
from gateway.stack.state import stack_state, write_private

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def environment_after(script: str, folder: Path, **environ: str) -> dict[str, str]:
    path = folder / "script"
    write_private(path, script)
    done = subprocess.run(
        ["/bin/sh", "-c", '. "$0" && exec "$@"', path, sys.executable, "-c", SHOW],
        env=environ,
        capture_output=True,
        check=True,
        timeout=60,
    )
    shown: dict[str, str] = json.loads(done.stdout)
    return shown


@settings(max_examples=15, deadline=None)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_value_arrives_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    spec = ProcessSpec("a", "a", 1, (), {"CORS_ORIGINS": value})
    shown = environment_after(shell_script(spec, ()), tmp_path_factory.mktemp("a"))
    assert shown["CORS_ORIGINS"] == value


def test_what_the_supervisor_was_started_with_does_not_count(tmp_path: Path) -> None:
    spec = ProcessSpec("a", "a", 1, (), {"LOG_LEVEL": "debug"})
    script = shell_script(spec, ["LOG_LEVEL", "RATE_LIMIT_REQUESTS"])
    shown = environment_after(
        script, tmp_path, RATE_LIMIT_REQUESTS="0", LOG_LEVEL="info", HOME="/h"
    )
    assert (shown["LOG_LEVEL"], shown["HOME"]) == ("debug", "/h")
    assert "RATE_LIMIT_REQUESTS" not in shown


def test_the_path_of_the_configuration_file_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = stack_state(tmp_path, 0)
    environ = process_environment({"GATEWAY_CONFIG": "a/../b.yaml"}, state, "redis://h/0")
    assert environ["GATEWAY_CONFIG"] == str(tmp_path / "b.yaml")
    assert process_environment({"GATEWAY_CONFIG": ""}, state, "")["GATEWAY_CONFIG"] == ""


def test_a_stack_decides_what_nobody_said(tmp_path: Path) -> None:
    state = stack_state(tmp_path, 0)
    environ = process_environment({"SHUTDOWN_GRACE": "3", "VIEW_FILE": ""}, state, "redis://h/0")
    assert environ == {
        "SHUTDOWN_GRACE": "3",
        "REDIS_URL": "redis://h/0",
        "ADMIN_TOKEN_FILE": str(state.token_file),
        "VIEW_FILE": str(state.view_file),
        "TUNNEL_GRACE": "3",
    }
    given = {
        "ADMIN_TOKEN": "mine",
        "VIEW_FILE": "v",
        "TUNNEL_GRACE": "9",
        "REDIS_URL": "redis://h/0",
    }
    assert process_environment(given, state, "redis://h/0") == given
