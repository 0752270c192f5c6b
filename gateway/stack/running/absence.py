"""Messages for a person who looks for a stack where none runs."""

from pathlib import Path

from gateway.stack.running.finding import running_offsets
from gateway.stack.running.serving import served_last
from gateway.stack.state import StackState, project_root


def nothing_runs(state: StackState, start: Path, *, takes_data_dir: bool = False) -> str:
    """Say where the search began (`start`), what else runs, and what to do.

    `takes_data_dir`: the command has the option --data-dir.
    """
    directory = state.directory
    if directory.name.isdigit() and (others := elsewhere(state, start)):
        return f"nothing runs at port offset {directory.name}; {others}"
    if not directory.name.isdigit():
        return (
            f"nothing runs with {directory}: `lockgate serve --data-dir {directory}` starts there"
        )
    if directory.exists():
        return f"nothing runs at port offset {directory.name}: {_how_to_start(state)}"
    root = project_root(start)
    if (root / "setup.cfg").exists():
        return f"no stack in {directory} yet: `make up` starts it"
    give = ", give --data-dir FOLDER" if takes_data_dir else ""
    return (
        f"{none_served(start)}: change into the folder where you started it{give}, "
        f"or start one here with {typed('serve', state)}"
    )


def none_served(start: Path) -> str:
    return f"no lockgate serve runs in {start} or above"


def nothing_kept(folder: Path, meant: Path | None) -> str:
    """--data-dir names a folder without a stack's data; `meant` is a folder that has some."""
    hint = (
        f"did you mean {meant}?"
        if meant
        else "give what `lockgate serve --data-dir` was given, or .lockgate/0 of the folder where it runs"
    )
    return f"no lockgate serve keeps its data in {folder}: {hint}"


def _how_to_start(state: StackState) -> str:
    """How to start again what ran there last."""
    if served_last(state):
        return f"{typed('serve', state)} starts a gateway there"
    return f"{typed('up', state)} starts the stack"


def typed(command: str, state: StackState) -> str:
    """A command for that stack, as one types it in its folder."""
    offset = state.directory.name
    option = f" --port-offset {offset}" if offset.isdigit() and int(offset) else ""
    return f"`lockgate {command}{option}`"


def elsewhere(state: StackState, start: Path) -> str:
    """The port offsets of other stacks in the folder `start` or above; empty if none runs."""
    offsets = sorted(running_offsets(start) - {state.directory.name}, key=int)
    if not offsets:
        return ""
    return (
        f"a stack or `lockgate serve` runs at port offset {' and '.join(offsets)}: "
        f"--port-offset {offsets[0]}, or PORT_OFFSET={offsets[0]}"
    )
