"""Which stack a command means, from the folder where it is given."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from gateway.stack.running.serving import served_pids
from gateway.stack.state import FOLDER, StackState, is_checkout, project_root, stack_state


def stack_near(folder: Path, offset: int) -> StackState:
    """The stack of the folder, or of the nearest one above; one that runs comes first.

    If there is none, the one that `up` would start.
    """
    kept = [
        state
        for above in _folders(folder)
        if _is_own_folder((state := stack_state(above, offset)).directory)
    ]
    if len(kept) > 1:
        kept.sort(key=lambda state: not runs(state))
    return kept[0] if kept else stack_state(project_root(folder), offset)


def data_near(folder: Path) -> Path | None:
    """Where a stack below this folder has its data; one that runs comes first."""
    kept = [
        path
        for pattern in ("[0-9]*", f"{FOLDER}/[0-9]*")
        for path in sorted(folder.glob(pattern))
        if path.name.isdigit() and _is_own_folder(path) and StackState(path).is_kept
    ]
    return min(kept, key=lambda path: not runs(StackState(path.resolve())), default=None)


def running_offsets(folder: Path) -> set[str]:
    """The port offsets at which something runs in the folder or above it."""
    kept = (path for above in _folders(folder) for path in (above / FOLDER).glob("[0-9]*"))
    return {
        path.name
        for path in kept
        if path.name.isdigit() and _is_own_folder(path) and runs(StackState(path))
    }


def _folders(folder: Path) -> Iterator[Path]:
    for above in (folder, *folder.parents):
        yield above
        if is_checkout(above):
            return


def _is_own_folder(path: Path) -> bool:
    """Whether the folder is ours; another user's could direct the admin token elsewhere."""
    try:
        return os.path.isdir(path) and path.stat().st_uid == os.geteuid()
    except OSError:
        return False


def runs(state: StackState) -> bool:
    return bool(served_pids(state)) or _is_supervised(state)


def _is_supervised(state: StackState) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(state.supervisor_socket))
        except OSError:
            return False
    return True
