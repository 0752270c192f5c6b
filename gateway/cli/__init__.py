"""The command line `lockgate`."""

import sys

from gateway.cli import doctor, register, registry_commands, stack_commands
from gateway.cli.application import app
from gateway.cli.output import FAILURE, USAGE, print_error
from gateway.stack.failures import StackError, UsageError
from middlewares.standard_streams import open_standard_streams

for group in (stack_commands, registry_commands, register, doctor):
    group.add_to(app)


def main() -> None:
    """Exit statuses: 0 done, 1 could not be done, 2 asked for something that makes no sense."""
    open_standard_streams()
    try:
        app()
    except UsageError as error:
        print_error(str(error))
        sys.exit(USAGE)
    except StackError as error:
        print_error(str(error), error.log_lines)
        sys.exit(FAILURE)
