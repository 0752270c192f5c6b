"""Programs that `lockgate register` runs."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp

from tests.support.registry_servers import free_port

LOCKGATE = [sys.executable, "-c", "from lockgate.command import main; main()"]
REPOSITORY = Path(__file__).parents[2]

#: A program that serves at a port, prints its pid and each signal, and exits with 3 at a stop signal.
PROGRAM = """
import http.server, os, signal, sys

def receive(number, frame):
    # print() fails where the next signal comes before it is through.
    os.write(1, b"got %b\\n" % signal.Signals(number).name.encode())
    if number in (signal.SIGTERM, signal.SIGINT):
        os._exit(3)

for name in ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH"):
    signal.signal(getattr(signal, f"SIG{name}"), receive)
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
)
os.write(1, b"%d\\n" % os.getpid())  # in one piece: a signal may come in between
server.serve_forever()
"""


class Registered:
    """A running `lockgate register` with a program."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    @classmethod
    async def start(
        cls, folder: Path, url: str, *options: str, command: Sequence[str], port: int | None = None
    ) -> "Registered":
        """Start it; PORT in `command` becomes the program's port."""
        port = free_port() if port is None else port
        process = await asyncio.create_subprocess_exec(
            *(*LOCKGATE, "register", "--name", "orders", "--id", "o1", "--port", str(port)),
            *(*options, "--", *(part.replace("PORT", str(port)) for part in command)),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "REDIS_URL": url},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process, port)

    async def said(self) -> str:
        """The next line that the program prints."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def told(self) -> str:
        """The next line that `lockgate` itself prints."""
        assert self.process.stderr is not None
        return (await self.process.stderr.readline()).decode().strip()

    async def told_at_last(self) -> str:
        """The rest of its lines, once nobody can print more."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def answers(self) -> bool:
        """Whether the program itself answers at its port."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/") as answer,
        ):
            return answer.status == 200


StartRegistered = Callable[..., Awaitable[Registered]]
