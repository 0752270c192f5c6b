"""`lockgate serve` in a test's own folder, at an offset with free ports."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from gateway.machine.processes import marked_pids
from gateway.stack.running.serving import served_pids
from gateway.stack.state import StackState, stack_state
from tests.support.eventually import eventually
from tests.support.stacks import NOT_PASSED_ON, free_offset

LOCKGATE = (str(Path(sys.executable).with_name("lockgate")),)


class Project:
    """A folder and the commands that run in it; `offset` moves every port."""

    def __init__(self, folder: Path, *, lockgate: Sequence[str] = LOCKGATE) -> None:
        self.folder = folder
        self.lockgate = lockgate
        self.offset = free_offset()
        self.state: StackState = stack_state(folder, self.offset)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON},
            "PATH": f"{Path(lockgate[0]).parent}{os.pathsep}{os.environ['PATH']}",
            "PORT_OFFSET": str(self.offset),
            "SHUTDOWN_GRACE": "2",
            "HEALTH_CHECK_INTERVAL": "0.2",
        }

    async def run(
        self, *arguments: str, at: Path | None = None, **variables: str
    ) -> tuple[int, str, str]:
        """Run `lockgate …` to its end; return its exit status, standard output and error."""
        process = await asyncio.create_subprocess_exec(
            *self.lockgate,
            *arguments,
            cwd=at or self.folder,
            env=self.environment | variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(50):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def ps(self) -> dict[str, dict[str, Any]]:
        """`lockgate ps --json`, by name."""
        _, out, _ = await self.run("ps", "--json")
        return {row["name"]: row for row in json.loads(out)}

    def left_running(self) -> set[int]:
        """The processes of the stack that still run."""
        return marked_pids(self.state.marker) | set(served_pids(self.state).values())

    @asynccontextmanager
    async def background(self, command: str, **variables: str) -> AsyncIterator[None]:
        """Run a command line in the folder while the block runs."""
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f"exec {command}"),
            cwd=self.folder,
            env=self.environment | variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                await process.wait()

    @asynccontextmanager
    async def serve(self, *arguments: str, **variables: str) -> AsyncIterator["Serve"]:
        """Run `lockgate serve …` for the block, which begins once it says that it listens."""
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *self.lockgate,
                "serve",
                *arguments,
                cwd=self.folder,
                env=self.environment | variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        serve = Serve(self, process)
        try:
            await eventually(serve.says_all, within_s=30)
            yield serve
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                raise


class Serve:
    """A running `lockgate serve`."""

    def __init__(self, project: Project, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._project = project

    @property
    def said(self) -> str:
        """What it has printed for the person who started it."""
        return (self._project.folder / "err").read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines that it has printed."""
        lines = (self._project.folder / "out").read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    @property
    def url(self) -> str:
        return self.said.partition("listens at ")[2].split()[0].rstrip(",")

    @property
    def next_commands(self) -> list[str]:
        """The commands that it suggests."""
        return [line.strip() for line in self.said.partition("Next")[2].splitlines()[1:-1]]

    def says_all(self) -> bool:
        assert self.process.returncode is None, self.said
        return "^C stops it." in self.said

    async def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(20):
            return await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def instances(self, service: str) -> list[dict[str, Any]]:
        """The service's instances, as `GET /services/NAME` shows them."""
        status, text = await self.get(f"/services/{service}")
        return list(json.loads(text)["instances"]) if status == 200 else []
