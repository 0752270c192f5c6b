"""What is said to a person who looks for a stack where none runs."""

import socket
from pathlib import Path

from gateway.stack.serving import served_pids
from gateway.stack.state import StackState, project_root


def nothing_runs(state: StackState, start: Path) -> str:
    """Where it was looked from `start`, what else runs, and what to do."""
    directory = state.directory
    if others := running_offsets(directory):
        places = " and ".join(map(str, others))
        return (
            f"nothing runs at port offset {directory.name}; a stack runs at port offset {places}: "
            f"--port-offset {others[0]}, or PORT_OFFSET={others[0]}"
        )
    if not directory.name.isdigit():
        return (
            f"nothing runs with {directory}: `lockgate serve --data-dir {directory}` starts there"
        )
    if directory.exists():
        return f"nothing runs at port offset {directory.name}: `lockgate up` starts the stack"
    root = project_root(start)
    if (root / "setup.cfg").exists():
        return f"no stack in {directory} yet: `make up` starts it"
    return (
        f"no stack in {directory} (looked from there up to /): "
        "run it in the checkout, or start one here with `lockgate serve`"
    )


def running_offsets(directory: Path) -> list[int]:
    """The port offsets at which other stacks of the same place run."""
    others = directory.parent.glob("[0-9]*")
    return sorted(
        int(other.name)
        for other in others
        if other != directory and other.name.isdigit() and _runs(StackState(other))
    )


def _runs(state: StackState) -> bool:
    return bool(served_pids(state)) or _is_supervised(state)


def _is_supervised(state: StackState) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(state.supervisor_socket))
        except OSError:
            return False
    return True
