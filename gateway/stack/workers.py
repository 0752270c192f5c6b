"""The master of a gateway's workers as a child of `lockgate serve`, which has the registry and the log."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from gateway.config.settings import GatewaySettings
from gateway.master.deciding.ends import how_ended
from gateway.master.wire import MASTER_STATE
from gateway.process.own_request import loopback
from gateway.process.start import master_state
from gateway.stack.failures import StackError
from gateway.stack.plan import MODULE

_LOOKS_EVERY_S = 0.1
_PASSED_ON = (signal.SIGHUP, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT)


def serve_with_workers(
    settings: GatewaySettings,
    sockets: list[socket.socket],
    environ: Mapping[str, str],
    *,
    group: int,
    out: int,
    started: Callable[[], None],
) -> None:
    """Run the master until a stop signal has ended it; `started` is called when a worker listens.

    It joins the process `group`, whose keeper ends it if this process is killed, and writes JSON to `out`.
    """
    state = master_state(settings, sockets)
    state.log_format = "json"  # `out` is rendered for people by another
    descriptor = state.to_descriptor()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *MODULE, "lockgate.master"],
        env={**environ, "LOG_FORMAT": "json", MASTER_STATE: str(descriptor)},
        stdin=subprocess.DEVNULL,
        stdout=out,
        pass_fds=(descriptor, *state.sockets.values()),
        process_group=group,
    )
    os.close(descriptor)
    with _signals_passed_on(process):
        address = loopback(sockets[0].getsockname())
        for sock in sockets:  # else clients that come after the end would wait
            sock.close()
        while process.poll() is None:
            if _is_open(address):
                started()
                break
            time.sleep(_LOOKS_EVERY_S)
        status = process.wait()
    if status:
        raise StackError(f"the master of the gateway's workers: {how_ended(status)}")


@contextmanager
def _signals_passed_on(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Give the master the signals that come here; SIGHUP of a terminal that was closed stops it."""
    had_terminal = os.isatty(0)

    def pass_on(number: int, _: FrameType | None) -> None:
        gone = number == signal.SIGHUP and had_terminal and not os.isatty(0)
        process.send_signal(signal.SIGTERM if gone else number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_open(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address[:2], timeout=1):
            return True
    except OSError:
        return False
