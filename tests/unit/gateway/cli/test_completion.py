"""Shell completion, through the protocol of its scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.completion import SHELLS, install

REPOSITORY = Path(__file__).parents[4]


def lockgate(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lockgate", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("lockgate dr", {"drain"}),
        ("lockgate de", {"deregister"}),
        ("lockgate drain --w", {"--wait"}),
        ("lockgate im", {"import"}),
        ("lockgate import --fr", {"--from"}),
        ("lockgate import --from n", {"nginx"}),
        ("lockgate logs --corr", {"--correlation-id"}),
    ],
)
def test_what_is_typed_is_completed(typed: str, offered: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    shown = lockgate(_LOCKGATE_COMPLETE="bash_complete", **words)
    assert {line.partition(",")[2] for line in shown.stdout.splitlines()} == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_is_shown(shell: str) -> None:
    shown = lockgate("--show-completion", shell)
    assert shown.returncode == 0
    assert "_LOCKGATE_COMPLETE" in shown.stdout
    assert lockgate("--show-completion", SHELL=f"/bin/{shell}").stdout == shown.stdout


def test_a_shell_that_is_not_known_is_said() -> None:
    finished = lockgate("--install-completion", "csh")
    assert finished.returncode == 2
    assert "bash, zsh, fish" in finished.stderr


def test_it_is_installed_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("alias ll='ls -l'")
    for _ in range(2):
        assert lockgate("--install-completion", "bash", HOME=str(tmp_path)).returncode == 0
    file = tmp_path / ".bash_completions" / "lockgate.sh"
    assert (tmp_path / ".bashrc").read_text() == f"alias ll='ls -l'\nsource '{file}'\n"
    assert "_LOCKGATE_COMPLETE" in file.read_text()


@pytest.mark.parametrize(
    ("shell", "place"),
    [("fish", ".config/fish/completions/lockgate.fish"), ("zsh", ".zfunc/_lockgate")],
)
def test_each_shell_finds_it_in_its_place(tmp_path: Path, shell: str, place: str) -> None:
    assert install(shell, "script", tmp_path) == tmp_path / place
    assert (tmp_path / place).read_text() == "script"
