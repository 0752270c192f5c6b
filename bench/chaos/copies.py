"""One instance of a scenario: a forked process, killed and started again."""

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess

from bench.chaos.instance import InstanceSpec, serve

#: Instances are forked from a process that has imported all of this.
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["bench.chaos.instance"])


class Copy:
    """One instance, and its process while there is one."""

    def __init__(self, spec: InstanceSpec) -> None:
        self.spec = spec
        self._process: BaseProcess | None = None
        self._killed: BaseProcess | None = None

    @property
    def port(self) -> int:
        return self.spec.port

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        assert self._process.pid is not None
        return self._process.pid

    async def start(self) -> None:
        process = _forking.Process(target=serve, args=(self.spec,), daemon=True)
        await asyncio.to_thread(process.start)
        self._process = process  # a process that has not started can't be killed

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL; the process ends some milliseconds later, and requests still come."""
        if self._process is not None:
            self._process.kill()
            self._killed, self._process = self._process, None

    async def gone(self) -> None:
        """Wait until a killed process has freed its port."""
        if self._killed is not None:
            await asyncio.to_thread(self._killed.join)

    async def stop(self, within_s: float = 5.0) -> None:
        """Let it drain, deregister and end."""
        assert self._process is not None
        self._process.terminate()
        await asyncio.to_thread(self._process.join, within_s)
        self.kill()
