"""supervisord of one stack: started detached, controlled over its Unix socket."""

import http.client
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.machine.processes import MARKER_VARIABLE
from gateway.stack.failures import StackError
from gateway.stack.plan import MODULE, ProcessSpec
from gateway.stack.state import StackState, write_private
from gateway.stack.supervisord.configuration import CREDENTIALS, config_text
from gateway.stack.unix_connection import UnixConnection

CALL_TIMEOUT_S = 5.0
POLL_S = 0.05
RUNNING = frozenset({"STARTING", "RUNNING"})
LIVE = RUNNING | {"BACKOFF", "STOPPING"}
DEAD = frozenset({"BACKOFF", "EXITED", "FATAL", "UNKNOWN"})
_URL = f"http://{CREDENTIALS}:{CREDENTIALS}@supervisor"


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What supervisord knows of a process; `state` is in its own words."""

    name: str
    state: str
    pid: int | None
    uptime_s: int


class Supervisor:
    """Every call but `answers` raises StackError when supervisord does not obey."""

    def __init__(self, state: StackState) -> None:
        self._state = state

    def answers(self) -> bool:
        try:
            self._ask("getState")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False
        return True

    def start(self, cwd: Path, environ: Mapping[str, str]) -> None:
        """Start it in the background; its processes inherit `environ` and the stack's marker."""
        finished = subprocess.run(  # noqa: S603 - no shell, our own words
            [
                *(sys.executable, *MODULE, "supervisor.supervisord"),
                *("-c", self._state.supervisor_config),
            ],
            cwd=cwd,
            env={**environ, MARKER_VARIABLE: self._state.marker},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            lines = tuple((finished.stdout + finished.stderr).strip().splitlines())
            raise StackError("supervisord did not start", lines)

    def configure(self, processes: Iterable[ProcessSpec], *, stop_wait_s: int) -> None:
        text = config_text(
            processes,
            socket=self._state.supervisor_socket,
            environments=self._state.environments,
            stop_wait_s=stop_wait_s,
        )
        self._state.environments.mkdir(mode=0o700, exist_ok=True)
        self._state.supervisor_config.write_text(text)

    def read_configuration(self) -> None:
        """Read the configuration; each process gets it at its next `start_process`."""
        self._call("reloadConfig")

    def processes(self) -> dict[str, ProcessStatus]:
        return {
            info["name"]: ProcessStatus(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"] or None,
                uptime_s=max(0, info["now"] - info["start"]) if info["pid"] else 0,
            )
            for info in self._call("getAllProcessInfo")
        }

    def start_process(self, name: str, set_variables: str) -> None:
        """Start a configured process that does not run; `sh` reads `set_variables` first."""
        write_private(self._state.environments / name, set_variables)
        if name in self.processes():
            self._call("removeProcessGroup", name)
        self._call("addProcessGroup", name)
        self._call("startProcess", name, False)  # False: return before it has run for a while

    def stop_processes(self, names: Sequence[str], *, within_s: float) -> None:
        """Stop them together; return when the last one has ended."""
        deadline = time.monotonic() + within_s
        for name in names:
            if self._state_of(name) in LIVE:
                self._call("stopProcess", name, False)
        while any(self._state_of(name) in LIVE for name in names):
            if time.monotonic() > deadline:
                raise StackError(f"{', '.join(names)} did not stop within {within_s:.0f} s")
            time.sleep(POLL_S)

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            self._call("removeProcessGroup", name)
            (self._state.environments / name).unlink(missing_ok=True)

    def shutdown(self) -> None:
        self._call("shutdown")

    def _state_of(self, name: str) -> str:
        status = self.processes().get(name)
        return status.state if status else "STOPPED"

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return self._ask(method, *arguments)
        except xmlrpc.client.Fault as fault:
            subject = " ".join(map(str, arguments[:1]))
            raise StackError(f"supervisord: {method} {subject}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise StackError(f"supervisord does not answer ({error}); make down ends it") from error

    def _ask(self, method: str, *arguments: Any) -> Any:
        transport = _UnixTransport(self._state.supervisor_socket)
        with xmlrpc.client.ServerProxy(_URL, transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket, with a deadline, which supervisor's own transport lacks."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        _, self._extra_headers, _ = self.get_host_info(host)  # with the URL's credentials
        connection = UnixConnection(
            os.fspath(self._path), timeout_s=CALL_TIMEOUT_S, host="supervisor"
        )
        self._connection = host, connection  # `close` looks for it there
        return connection
