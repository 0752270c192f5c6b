"""Programs for Node.js with packages of npm; a test skips where these can't be had."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

#: An installation that takes longer has no registry.
INSTALLS_WITHIN_S = 45.0
STARTS_WITHIN_S = 20.0


async def installed(folder: Path, package: str) -> Path:
    """Install a package into a folder of its own below this one; skips the test if it can't be had."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    place = folder / package.replace("/", "_").partition("@")[0]
    if place.exists():
        return place
    place.mkdir(parents=True)
    (place / "package.json").write_text('{"private": true, "type": "module"}')
    process = await asyncio.create_subprocess_exec(
        *("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", package),
        cwd=place,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(INSTALLS_WITHIN_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        shutil.rmtree(place)
        pytest.skip(f"npm does not install {package} in time here")
    if process.returncode:
        shutil.rmtree(place)
        pytest.skip(f"npm can't install {package} here: {printed.decode()[-300:]}")
    return place


class NodeProgram:
    """A running program; `lines` is what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.lines: list[str] = []
        self._process = process
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line.decode().rstrip())

    async def ready(self) -> None:
        """Wait until it has printed `ready`."""
        async with asyncio.timeout(STARTS_WITHIN_S):
            while "ready" not in self.lines:
                assert self._process.returncode is None, self.lines
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        await self._reading


@asynccontextmanager
async def node_program(
    place: Path, script: Path, arguments: Sequence[str]
) -> AsyncIterator[NodeProgram]:
    """Run a script with the packages that are installed at this place."""
    shutil.copy(script, place)
    process = await asyncio.create_subprocess_exec(
        *("node", script.name, *arguments),
        cwd=place,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = NodeProgram(process)
    try:
        await program.ready()
        yield program
    finally:
        await program.stop()
