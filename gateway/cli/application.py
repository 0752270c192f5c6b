"""The `lockgate` application itself: what holds for every command."""

from typing import Annotated

import typer

from gateway.version import VERSION

EXIT_STATUSES = (
    "Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."
)

app = typer.Typer(
    name="lockgate",
    help="Lockgate, an API gateway and service discovery in one.",
    epilog=EXIT_STATUSES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lockgate {VERSION}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Lockgate, an API gateway and service discovery in one."""
