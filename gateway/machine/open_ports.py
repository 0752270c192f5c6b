"""Where the processes of a group listen, as far as this process can see."""

import os
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port where a process takes connections."""

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
    """The ports of a process group, in order; none without psutil, or without the right to see them."""
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
