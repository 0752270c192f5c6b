"""Options that several commands have, and what they stand for."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.stack.plan import parse_offset
from gateway.stack.state import StackState, project_root, stack_state

PortOffset = Annotated[
    str, typer.Option(envvar="PORT_OFFSET", metavar="N", help="Added to every port of the stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The gateway; else that of the stack at this offset."),
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        help="Its admin token; else ADMIN_TOKEN; else, without --url, that of the stack.",
    ),
]


def stack_at(port_offset: str) -> tuple[int, StackState]:
    """The offset as a number, and where the stack at it keeps its state."""
    offset = parse_offset(port_offset)
    return offset, stack_state(root(), offset)


def root() -> Path:
    """The checkout that the command was given in."""
    return project_root(Path.cwd())
