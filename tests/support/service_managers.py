"""A stand-in for systemd: it listens, passes its socket to the gateway, and hears what that says."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.gateways import ADMIN_TOKEN

ROOT = Path(__file__).parents[2]
#: It becomes the gateway, so the pid is known before.
_PASS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.executable, [sys.executable, "-m", "gateway"], {**os.environ, "LISTEN_PID": str(os.getpid())})
"""


class ServiceManager:
    """Has a listening socket as long as it is there; `told` has the messages of all gateways in order."""

    def __init__(self, folder: Path, public: socket.socket, notify: socket.socket) -> None:
        self._folder = folder
        self._public = public
        self._notify = notify
        self._started = 0
        self.port = int(public.getsockname()[1])

    def told(self) -> list[str]:
        """The messages since the last call."""
        messages = []
        with suppress(BlockingIOError):
            while True:
                messages.append(self._notify.recv(4096).decode())
        return messages

    @property
    def output(self) -> str:
        """What the gateway that was started last has written."""
        return (self._folder / f"gateway-{self._started}").read_text()

    async def start(self, registry_url: str, **environment: str) -> Process:
        """Start a gateway with the socket as descriptor 3; `output` has what it writes."""
        self._started += 1
        descriptor = self._public.fileno()
        with (self._folder / f"gateway-{self._started}").open("wb") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PASS, str(descriptor)),
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "REDIS_URL": registry_url,
                    "ADMIN_TOKEN": ADMIN_TOKEN,
                    "SHUTDOWN_GRACE": "4",
                    "LISTEN_FDS": "1",
                    "LISTEN_FDNAMES": "public",
                    "NOTIFY_SOCKET": str(self._notify.getsockname()),
                    **{key: value for key, value in os.environ.items() if "COVERAGE_" in key},
                    **environment,
                },
                pass_fds=[descriptor],
                stdout=output,
                stderr=output,
            )


@contextmanager
def service_manager(folder: Path) -> Iterator[ServiceManager]:
    with (
        socket.socket() as public,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        public.bind(("127.0.0.1", 0))
        public.listen(512)
        notify.bind(str(folder / "notify"))
        notify.setblocking(False)
        yield ServiceManager(folder, public, notify)
