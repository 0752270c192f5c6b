"""Programs import only what they need, so that each starts quickly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway.cli.application import COMMANDS, lockgate

REPOSITORY = Path(__file__).parents[4]
#: Modules that each take longer to import than a command's help takes otherwise.
SLOW = {"aiohttp", "asyncio", "psutil", "pydantic", "redis", "structlog", "supervisor", "uvloop"}
PROGRAM = """
import atexit, json, runpy, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def run(folder: Path, *arguments: str, module: str = "lockgate") -> tuple[str, set[str]]:
    """What the command printed, and the modules that it imported."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout, set(json.loads(finished.stderr.splitlines()[-1]))


def test_help_lists_every_command_with_a_whole_sentence_and_imports_nothing_that_is_slow(
    tmp_path: Path,
) -> None:
    shown, imported = run(tmp_path, "--help")
    for command in COMMANDS:
        assert f"\n  {command} " in shown
    assert "..." not in shown.partition("Commands:")[2]
    assert not imported & SLOW


@pytest.mark.parametrize("module", ["services", "lockgate.services", "gateway"])
@pytest.mark.parametrize("argument", ["--help", "--version", "--bogus"])
def test_what_a_process_says_of_itself_imports_nothing_that_is_slow(
    tmp_path: Path, module: str, argument: str
) -> None:
    """The help imported the settings for their texts, with pydantic and aiohttp, and took half a second."""
    _, imported = run(tmp_path, argument, module=module)
    assert "click" in imported
    assert not imported & SLOW


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_imports_anything_that_is_slow(tmp_path: Path, command: str) -> None:
    shown, imported = run(tmp_path, command, "--help")
    assert shown.startswith(f"Usage: lockgate {command}")
    assert not imported & SLOW


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("services",),
        ("routes",),
        ("drain", "o1"),
        ("deregister", "o1"),
        ("reload",),
        ("logs", "--no-follow"),
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    _, imported = run(tmp_path, *arguments)
    assert "gateway.cli.application" in imported
    assert not imported & SLOW


def test_ps_imports_the_registrys_client_when_there_is_a_registry_to_ask(tmp_path: Path) -> None:
    _, imported = run(tmp_path, "ps")
    assert imported & SLOW == {"psutil"}


def test_of_the_commands_only_the_one_that_is_called_is_imported(tmp_path: Path) -> None:
    _, imported = run(tmp_path, "ps", "--help")
    assert {name for name in imported if name.startswith("gateway.cli.commands.")} == {
        "gateway.cli.commands.ps"
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_its_exit_statuses(name: str) -> None:
    context = click.Context(lockgate, info_name="lockgate")
    called = lockgate.get_command(context, name)
    assert called is not None
    shown = " ".join(called.get_help(click.Context(called, context, info_name=name)).split())
    assert f"Usage: lockgate {name} " in shown
    assert "Exit statuses: " in shown
    example = shown.rpartition("Example: ")[2]
    assert f"lockgate {name}" in example
    for parameter in called.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


@pytest.mark.parametrize(
    "name", ["ps", "services", "routes", "doctor", "up", "restart", "drain", "reload", "diff"]
)
def test_every_table_is_there_as_json_too(name: str) -> None:
    called = lockgate.get_command(click.Context(lockgate), name)
    assert called is not None
    assert "as_json" in {parameter.name for parameter in called.params}
