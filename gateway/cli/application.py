"""The `lockgate` application: its commands, and what they share.

A command is a module of `gateway.cli.commands` with a function of the same name, and its line in
COMMANDS; a word of Python's, as `import` is, has "_" behind it there. The module declares the
arguments, and imports what does the work only when it is called, because `lockgate --help` reads all
modules.
"""

import errno
import os
import sys
from collections.abc import Callable
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from gateway.cli.completion import install_option, show_option
from gateway.cli.output import print_error
from gateway.stack.failures import StackError, UsageError
from gateway.version import VERSION
from middlewares.programs.missing_extra import tell_missing_extra
from middlewares.programs.stop_signals import Stopped

#: In the order of the help.
COMMANDS = (
    "serve",
    "up",
    "down",
    "restart",
    "ps",
    "logs",
    "gateway",
    "services",
    "routes",
    "versions",
    "register",
    "drain",
    "deregister",
    "keys",
    "cache",
    "split",
    "mirror",
    "check-config",
    "config",
    "import",
    "diff",
    "reload",
    "roll",
    "doctor",
)
EXIT_STATUSES = (
    "Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."
)
FAILURE = 1
USAGE = 2
_NOT_YOURS = "; is it another user's, or in a folder that you may not write to?"
_ADVICE = {
    errno.EACCES: _NOT_YOURS,
    errno.EPERM: _NOT_YOURS,
    errno.EROFS: "; choose a folder that can be written to",
    errno.ENOSPC: "; make room there, and try again",
    errno.EDQUOT: "; make room there, and try again",
}


def command(
    *, example: str, exit_statuses: str = EXIT_STATUSES, **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """The decorator of a command's function, which returns the exit status; None means 0."""
    return click.command(epilog=_epilog(exit_statuses, example), **settings)


def _epilog(exit_statuses: str, example: str) -> str:
    """Text below a command's help; the example stays on one line, so that it can be copied."""
    return f"{exit_statuses}\n\n\b\nExample:\n  {example}"


version_option = click.version_option(VERSION, message="lockgate %(version)s")


class _Commands(click.Group):
    """Imports a command's module when the command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        name = f"{name}_" if iskeyword(name) else name
        found: click.Command = getattr(import_module(f"gateway.cli.commands.{name}"), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does, with the command that was meant; Click knows but those that are loaded."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # here alone: it takes its time

            near = get_close_matches(args[0], COMMANDS, n=1)
            meant = f". Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"{error.message.rstrip('.')}{meant}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with whole first sentences, which Click would cut off."""
        commands = [(name, self.get_command(ctx, name)) for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, found.get_short_help_str(limit=200)) for name, found in commands if found]
            )

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            name = str(ctx.invoked_subcommand)
            tell_missing_extra(name, error, "gateway,embedded" if name == "serve" else "gateway")
            return FAILURE


@click.command(
    cls=_Commands,
    epilog=_epilog(EXIT_STATUSES, "lockgate COMMAND --help"),
    context_settings={"show_default": True, "max_content_width": 100},
)
@version_option
@install_option
@show_option
def lockgate() -> None:
    """Lockgate, an API gateway and service discovery in one."""


def run(called: click.Command, name: str) -> int:
    """Run a command with the process's arguments, and return its exit status."""
    try:
        return called.main(prog_name=name, standalone_mode=False) or 0
    except Stopped as stopped:
        return stopped.status
    except click.exceptions.NoArgsIsHelpError as error:
        error.show(sys.stderr)
        return USAGE
    except click.UsageError as error:
        print_error(_one_line(error))
        return USAGE
    except UsageError as error:
        print_error(str(error))
        return USAGE
    except StackError as error:
        print_error(str(error), error.log_lines)
        return FAILURE
    except ModuleNotFoundError as error:
        tell_missing_extra(name, error)
        return FAILURE
    except OSError as error:
        print_error(_of_the_system(error))
        return FAILURE


def _of_the_system(error: OSError) -> str:
    """What went wrong with which file, and what to do, where that is known."""
    file = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    advice = _ADVICE.get(error.errno or 0, "")
    if error.errno == errno.ENOENT and not file:  # a missing working folder: the error has no name
        advice = "; was the folder that you are in removed? `cd` to one that is there"
    return f"{file}{error.strerror or error}{advice}"


def _one_line(error: click.UsageError) -> str:
    message = " ".join(error.format_message().split())
    name = error.ctx.command_path if error.ctx else "lockgate"
    return f"{message.rstrip('.')}; try `{name} --help`"
