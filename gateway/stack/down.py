"""`make down`: stops every process of a stack, and nothing else."""

import signal
import time
from collections.abc import Callable

from gateway.machine.processes import command_of, marked_pids, signal_all
from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY, REGISTRY
from gateway.stack.running.serving import require_not_served
from gateway.stack.state import StackState
from gateway.stack.supervisord.supervision import Supervisor

POLL_S = 0.1
KILL_WAIT_S = 5.0
DEFAULT_STOP_WAIT_S = 15


def down(state: StackState, report: Callable[[str], None]) -> bool:
    """Stop the stack; False when there was nothing to stop."""
    if not state.directory.exists():
        return False
    with state.locked():
        require_not_served(state)
        return stop_everything(state, report)


def stop_everything(state: StackState, report: Callable[[str], None]) -> bool:
    """Stop the stack in whatever state it is; False when there was nothing to stop."""
    record = state.load_record()
    stop_wait_s = record.stop_wait_s if record else DEFAULT_STOP_WAIT_S
    supervisor = Supervisor(state)
    supervised = supervisor.answers()
    if supervised:
        _stop_in_order(supervisor, stop_wait_s, report)
    elif left := marked_pids(state.marker):
        commands = ", ".join(f"{command_of(pid)} (pid {pid})" for pid in sorted(left))
        report(f"ending what was left of a run that was killed: {commands}")
    # A killed gateway can leave workers behind too, so look in any case.
    left_something = _end_leftovers(state, KILL_WAIT_S if supervised else stop_wait_s, report)
    state.remove_traces()
    return supervised or left_something


def _stop_in_order(supervisor: Supervisor, stop_wait_s: int, report: Callable[[str], None]) -> None:
    """The gateway drains while its services live; the services deregister while the registry lives."""
    names = sorted(supervisor.processes())
    services = [name for name in names if name not in {GATEWAY, REGISTRY}]
    for group in ([GATEWAY], services, [REGISTRY]):
        present = [name for name in group if name in names]
        try:
            supervisor.stop_processes(present, within_s=stop_wait_s + KILL_WAIT_S)
        except StackError as error:  # stop the others first, this one at the end
            report(str(error))
        if present:
            report(f"stopped {', '.join(present)}")
    supervisor.shutdown()


def _end_leftovers(state: StackState, grace_s: float, report: Callable[[str], None]) -> bool:
    """SIGTERM for every process of the stack, SIGKILL after the grace; True if there were any."""
    deadline = time.monotonic() + grace_s
    told: set[int] = set()
    while left := marked_pids(state.marker):
        now = time.monotonic()
        if now > deadline + KILL_WAIT_S:
            raise StackError(f"processes {sorted(left)} do not end")
        signal_all(left - told, signal.SIGTERM)
        told |= left
        if now > deadline:
            report(f"killing {sorted(left)}, still there after {grace_s:.0f} s")
            signal_all(left, signal.SIGKILL)
        time.sleep(POLL_S)
    return bool(told)
