"""Options that several commands share, and what they mean."""

import os
from pathlib import Path
from typing import Any

import click

from gateway.stack.failures import StackError
from gateway.stack.plan import parse_offset
from gateway.stack.running.absence import nothing_kept
from gateway.stack.running.finding import data_near, stack_near
from gateway.stack.state import StackState, project_root, stack_state

#: How long a gateway may take to read, compile and compare a file.
FILE_WITHIN_S = 60.0

port_offset = click.option(
    "--port-offset",
    envvar="PORT_OFFSET",
    metavar="N",
    default="0",
    help="Added to every port of the stack.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
scale = click.option(
    "--scale",
    envvar="SCALE",
    metavar="SERVICE=N",
    default="",
    help='Instances of a service: "price_service=3".',
)
services = click.option(
    "--services",
    envvar="SERVICES",
    metavar="NAMES",
    default="",
    help='The example services: none, all, or names: "price_service signal_service".',
)


class Folder(click.Path):
    """A folder that may not exist yet; an empty text, as from an unset variable, is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if not os.fspath(value):
            self.fail("it is empty; name a folder", param, ctx)
        return super().convert(value, param, ctx)


data_dir = click.option(
    "--data-dir",
    metavar="FOLDER",
    type=Folder(),
    help="The folder of a `lockgate serve`; else this folder and those above are searched.",
)
url = click.option(
    "--url",
    metavar="URL",
    help="The gateway, as in http://host:8080 or unix:/path; else that of the stack at this offset.",
)
token = click.option(
    "--token",
    metavar="TOKEN",
    help="Its admin token; else ADMIN_TOKEN; else, without --url, that of the stack.",
)
all_of_them = click.option(
    "--all", "all_of_them", is_flag=True, help="Each instance of the service."
)
instances = click.argument(
    "words", nargs=-1, required=True, metavar="SERVICE INSTANCE | SERVICE/INSTANCE | INSTANCE"
)


def stack_at(port_offset: str) -> tuple[int, StackState]:
    """The offset as a number, and where its stack keeps its state."""
    offset = parse_offset(port_offset)
    return offset, stack_state(root(), offset)


def stack_found(
    port_offset: str, data_dir: Path | None, *, or_to_come: bool = False
) -> tuple[int, StackState]:
    """The offset, and the state in that folder; without one, in this folder or one above.

    StackError: that folder has no state, and none is to come there.
    """
    offset = parse_offset(port_offset)
    if data_dir is None:
        return offset, stack_near(Path.cwd(), offset)
    state = StackState(data_dir.resolve())
    if not state.is_kept:
        meant = data_near(data_dir)
        if meant or not or_to_come:
            raise StackError(nothing_kept(data_dir, meant))
    return offset, state


def root() -> Path:
    """The checkout that the command runs in."""
    return project_root(Path.cwd())
