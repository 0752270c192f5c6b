"""Shell completion of commands and options: bash, zsh and fish."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Callback = Callable[[click.Context, click.Parameter, str | None], None]

VARIABLE = "_LOCKGATE_COMPLETE"
SHELLS = ("bash", "zsh", "fish")

_ZSH_LINES = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"


def script_for(shell: str, called: click.Command) -> str:
    """The script that the shell runs once, and that then asks the command for completions."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    return kind(called, {}, "lockgate", VARIABLE).source()


def install(shell: str, script: str, home: Path) -> Path:
    """Put the script where the shell loads it at its next start, and return its path."""
    if shell == "fish":
        return _written(home / ".config" / "fish" / "completions" / "lockgate.fish", script)
    if shell == "zsh":
        _add_line(home / ".zshrc", _ZSH_LINES)
        return _written(home / ".zfunc" / "_lockgate", script)
    file = _written(home / ".bash_completions" / "lockgate.sh", script)
    _add_line(home / ".bashrc", f"source '{file}'")
    return file


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def _add_line(file: Path, line: str) -> None:
    """Add the line to the file, unless it is there already."""
    there = file.read_text("utf-8") if file.exists() else ""
    if line not in there.splitlines():
        file.write_text(f"{there}{'' if there.endswith(chr(10)) or not there else chr(10)}{line}\n")


def _shell(given: str) -> str:
    shell = given or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise click.UsageError(f"name your shell: {', '.join(SHELLS)}")
    return shell


def _show(context: click.Context, _: click.Parameter, given: str | None) -> None:
    if given is not None:
        click.echo(script_for(_shell(given), context.command))
        context.exit()


def _install(context: click.Context, _: click.Parameter, given: str | None) -> None:
    if given is not None:
        shell = _shell(given)
        file = install(shell, script_for(shell, context.command), Path.home())
        click.echo(f"{shell} completes lockgate from its next start on: {file}")
        context.exit()


def _option(name: str, callback: Callback, text: str) -> Callable[[F], F]:
    return click.option(
        name,
        metavar="[SHELL]",
        is_flag=False,
        flag_value="",
        is_eager=True,
        expose_value=False,
        callback=callback,
        help=text,
    )


install_option = _option(
    "--install-completion",
    _install,
    "Let bash, zsh or fish complete commands; without a name, the shell in $SHELL.",
)
show_option = _option(
    "--show-completion", _show, "Print that script, for `eval` or a file of your own."
)
