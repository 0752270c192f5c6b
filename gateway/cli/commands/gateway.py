"""`lockgate gateway`: the gateway alone, in the foreground."""

import os
import sys

import click

from gateway.cli.application import command, version_option
from gateway.master.wire import WORKER_FD


class _WithVariables(click.Command):
    """A command whose help lists the variables that the gateway reads; it has no other options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from gateway.config.variables import gateway_variables
        from middlewares.programs.variables import help_rows

        super().format_options(ctx, formatter)
        with formatter.section("Environment"):
            formatter.write_dl(help_rows(gateway_variables()))


@command(
    cls=_WithVariables,
    example="GATEWAY_PORT=9090 lockgate gateway",
    exit_statuses="Exit statuses: 0 stopped by SIGTERM or SIGINT, 1 it could not listen, 2 a value is wrong.",
)
@version_option
def gateway() -> int:
    """Run the gateway in the foreground (`python -m gateway`)."""
    if WORKER_FD in os.environ and sys.platform == "linux":
        from gateway.process.beside import import_beside

        import_beside()
    from gateway.process.start import main

    return main()
