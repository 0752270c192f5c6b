"""A registry server as a child of this process, restarted whenever it ends."""

import os
import subprocess
import threading
import time
from collections.abc import Callable

import structlog

from gateway.machine.port_holders import who_has
from gateway.machine.ports import answers
from gateway.machine.processes import MARKER_VARIABLE
from gateway.stack.failures import StackError
from gateway.stack.logs.files import last_lines
from gateway.stack.logs.rotating_file import rotate_when_large
from gateway.stack.plan import ProcessSpec
from gateway.stack.registry.ping import default_url, is_answered_by
from gateway.stack.state import StackState

_ANSWERS_WITHIN_S = 20.0
_ENDS_WITHIN_S = 10.0
_POLL_S = 0.01
#: The pause before a restart: doubled each time, until the server has run for the longest.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_TAIL_LINES = 15

_log = structlog.get_logger()


class OwnRegistry:
    """`group` is its process group; `on_start` is called with each new pid."""

    def __init__(
        self, server: ProcessSpec, state: StackState, *, group: int, on_start: Callable[[int], None]
    ) -> None:
        self._server = server
        self._state = state
        self._group = group
        self._on_start = on_start
        self._log_file = state.logs / f"{server.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name="registry", daemon=True)

    def start(self) -> None:
        """Return when it answers; StackError, with the end of its log, if it does not."""
        first_byte = self._log_file.stat().st_size if self._log_file.exists() else 0
        try:
            process = self._start_process()
        except OSError as error:
            raise StackError(f"{self._server.command[0]} can't be run: {error.strerror}") from None
        deadline_s = time.monotonic() + _ANSWERS_WITHIN_S
        # Another server may have taken the port just now, and would answer instead.
        while not is_answered_by(process.pid, default_url(self._server.port)):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline_s:
                raise self._not_started(ended, first_byte)
            time.sleep(_POLL_S)
        self._thread.start()

    def stop(self) -> None:
        """Return when it has ended and its data are on disk."""
        with self._starting:
            self._stopping.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _not_started(self, ended: bool, first_byte: int) -> StackError:
        port = self._server.port
        if ended and answers(port):
            holder = who_has(port)
            return StackError(f"port {port} was just taken by {holder}: try again")
        what = "ended while starting" if ended else "does not answer"
        return StackError(
            f"the registry server {what}; the end of its log says why, the whole of it is "
            f"{self._log_file}",
            tuple(last_lines(self._log_file, _TAIL_LINES, after_byte=first_byte)),
        )

    def _start_process(self) -> "subprocess.Popen[bytes]":
        rotate_when_large(self._log_file)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, our own words
                self._server.command,
                cwd=self._state.directory,
                env={**os.environ, MARKER_VARIABLE: self._state.marker},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=self._group,
            )
        self._on_start(self._process.pid)
        return self._process

    def _keep_running(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while (process := self._process) is not None:
            began_s = time.monotonic()
            status = process.wait()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began_s > _LONGEST_PAUSE_S
            pause_s = _FIRST_PAUSE_S if lived else min(2 * pause_s, _LONGEST_PAUSE_S)
            _log.warning("registry.ended", exit_status=status, again_in_s=pause_s)
            self._stopping.wait(pause_s)
            self._start_again()

    def _start_again(self) -> None:
        with self._starting:
            if self._stopping.is_set():
                return
            try:
                self._start_process()
            except OSError as error:
                _log.error("registry.not_started", error=str(error))
