"""Where the processes of a group listen, as far as it can be told."""

import os
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port that a process takes connections at."""

    program: str
    pid: int
    address: str
    port: int

    @property
    def who(self) -> str:
        return f"{self.program} (pid {self.pid})"

    @property
    def where(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else f"{self.address}:{self.port}"
        )


def open_ports_of(group: int) -> list[OpenPort]:
    """Those of a process group, by port; none where they are not ours to see, or without psutil."""
    try:
        import psutil
    except ModuleNotFoundError:
        return []
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) != group:
                continue
            found += [
                OpenPort(process.name(), process.pid, one.laddr.ip, one.laddr.port)
                for one in process.net_connections(kind="tcp")
                if one.status == psutil.CONN_LISTEN
            ]
    return sorted(found, key=lambda one: (one.port, one.address, one.pid))
