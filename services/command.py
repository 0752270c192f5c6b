"""The command line of `python -m services NAME`."""

import sys
from typing import NoReturn

import click

from discovery.model.errors import SettingsError
from middlewares.programs.missing_extra import tell_missing_extra
from middlewares.programs.standard_streams import open_standard_streams
from services.catalogue import MODULES, find

FAILURE = 1
USAGE_ERROR = 2
EPILOG = (
    "Exit statuses: 0 stopped by SIGTERM or SIGINT, 1 it could not listen, 2 a value is wrong or "
    "there is no such service."
)


def main(called_as: str) -> NoReturn:
    """Run a service; an error is one line on standard error."""
    open_standard_streams()
    try:
        sys.exit(run_service.main(prog_name=called_as, standalone_mode=False))
    except click.UsageError:
        known = ", ".join(sorted(MODULES))
        sys.exit(_refuse(f"usage: {called_as} NAME; NAME is one of {known}", USAGE_ERROR))
    except ModuleNotFoundError as error:
        tell_missing_extra(called_as, error)
        sys.exit(FAILURE)


class _WithVariables(click.Command):
    """A command whose help lists the services and the variables that they read."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from middlewares.programs.variables import help_rows
        from services.variables import service_variables

        with formatter.section("Services"):
            formatter.write_text(", ".join(sorted(MODULES)))
        super().format_options(ctx, formatter)
        with formatter.section("Environment"):
            formatter.write_dl(help_rows(service_variables()))


@click.command(cls=_WithVariables, epilog=EPILOG)
@click.argument("name")
@click.version_option(package_name="lockgate", message="lockgate %(version)s")
def run_service(name: str) -> int:
    """Run one of the example services in the foreground."""
    from services.base.runner import ListenError, run

    service = find(name)
    if service is None:
        raise click.UsageError(f"no service {name}")
    try:
        run(service)
    except SettingsError as error:
        return _refuse(str(error), USAGE_ERROR)
    except ListenError as error:
        return _refuse(f"{service.name} {error}", FAILURE)
    return 0


def _refuse(line: str, status: int) -> int:
    sys.stderr.write(f"lockgate: {line}\n")
    return status
