"""Follows the recipes of docs/recipes.md in a folder, as a reader does."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import ROOT, Block, blocks
from tests.support.eventually import eventually
from tests.support.registry_servers import free_port

DOCUMENT = "docs/recipes.md"
#: For each file, texts and their replacements.
Edits = Mapping[str, Mapping[str, str]]
_NOT_THE_READERS = ("REDIS_URL", "ADMIN_TOKEN", "PORT_OFFSET")
_SETS_UP = ("pip install", "npm install", "django-admin", "mkdir")
_RUNS = ("lockgate register", "python shop.py")
_CALLS = "curl "
#: The first line of a program: its file and its place in the file.
_FILE = re.compile(r"(?:#|//) (?P<path>\S+?)(?:, (?P<place>at its end|in place of (?P<line>.+)))?")


class Recipe:
    """One section of the document, by its heading."""

    def __init__(self, heading: str) -> None:
        self.heading = heading
        self._blocks = [block for block in blocks(DOCUMENT) if block.heading == heading]
        self.commands = [
            command
            for block in self._blocks
            if block.language == "sh"
            for command in block.commands
        ]

    @property
    def set_up(self) -> list[str]:
        return [command for command in self.commands if command.startswith(_SETS_UP)]

    @property
    def runs(self) -> list[str]:
        """The commands that run it, each an alternative."""
        text = (ROOT / DOCUMENT).read_text().split(f"\n## {self.heading}\n")[1].split("\n## ")[0]
        by_themselves = re.findall(r"`([^`]+)`\s+is\s+all\s+that\s+is\s+run", text)
        return [command for command in self.commands if command.startswith(_RUNS)] + by_themselves

    @property
    def call(self) -> str:
        (call,) = (command for command in self.commands if command.startswith(_CALLS))
        return call

    @property
    def answer(self) -> str | None:
        """The output of the call; None if the document does not show it."""
        return next((block.text for block in self._blocks if block.language == "json"), None)

    def write(self, folder: Path, *, registers_itself: bool) -> None:
        """Write its programs; lines that register the service only if `registers_itself`."""
        for block in self._blocks:
            if block.language in ("python", "js"):
                _write(folder, block, registers_itself)


def _write(folder: Path, block: Block, registers_itself: bool) -> None:
    head, _, text = block.text.partition("\n")
    found = _FILE.fullmatch(head)
    assert found is not None, f"which file is it? {head}"
    path = folder / found["path"]
    if found["place"] is None:
        path.write_text(text)
    elif found["line"] is None:
        path.write_text(f"{path.read_text()}\n\n{text}")
    elif registers_itself:
        program = path.read_text()
        assert program.count(f"{found['line']}\n") == 1
        path.write_text(program.replace(f"{found['line']}\n", text))


class Kitchen:
    """A folder, a port instead of 9000, a gateway instead of the one at 8080, and a running program.

    `variables` are added to the reader's environment.
    """

    def __init__(self, folder: Path, gateway_port: int, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._gateway_port = gateway_port
        binaries = Path(sys.executable).parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in _NOT_THE_READERS},
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        self._running: asyncio.subprocess.Process | None = None
        self._output = folder / f"output-{self.port}"

    def moved(self, text: str) -> str:
        text = text.replace("localhost:8080", f"localhost:{self._gateway_port}")
        return re.sub(r"\b9000\b", str(self.port), text)

    async def do(self, command: str) -> str:
        """Run a command to its end; return its output."""
        process = await self._start(self.moved(command), asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        assert process.returncode == 0, f"{command}\n{printed.decode()}"
        return printed.decode()

    async def set_up(self, recipe: Recipe, *, by_pip: bool = False) -> None:
        """Do the steps before the programs; the tests' own environment has Python's packages."""
        for needed in set(re.findall(r"\b(?:npm|node)\b", " ".join(recipe.commands))):
            if shutil.which(needed) is None:
                pytest.skip(f"{needed} is not here")
        for step in recipe.set_up:
            if step.startswith("npm"):
                await self._install_by_npm(step)
            elif by_pip or not step.startswith("pip"):
                await self.do(step)

    async def _install_by_npm(self, step: str) -> None:
        try:
            await self.do(f"timeout 100 {step} --no-audit --no-fund")
        except AssertionError as failure:
            pytest.skip(f"npm can't install it here: {failure}")

    def write(self, recipe: Recipe, command: str, edits: Edits | None = None) -> None:
        """Write the programs of a recipe that is run by `command`."""
        recipe.write(self.folder, registers_itself=not command.startswith("lockgate"))
        for name, changes in (edits or {}).items():
            text = (self.folder / name).read_text()
            for there, instead in changes.items():
                assert there in text
                text = text.replace(there, instead)
            (self.folder / name).write_text(text)
        for path in [*self.folder.rglob("*.py"), *self.folder.glob("*.js")]:
            if "node_modules" not in path.parts:
                path.write_text(self.moved(path.read_text()))

    async def start(self, command: str) -> None:
        """Start a command that runs until `stop`."""
        with self._output.open("wb") as output:
            self._running = await self._start(f"exec {self.moved(command)}", output)

    async def answer_of(self, call: str) -> str:
        """The call's output once it succeeds; the program must not end before."""

        async def called() -> str:
            running = self._running
            if running is not None and running.returncode is not None:
                raise RuntimeError(f"it ended:\n{self._output.read_text()}")
            return await self.do(call.replace("curl ", "curl --silent --show-error --fail ", 1))

        return await eventually(called, within_s=30)

    def export(self, name: str, value: str) -> None:
        self._environment[name] = value

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until the program has printed the pattern; return the match."""
        found = await eventually(lambda: re.search(pattern, self._output.read_text()), within_s=30)
        assert found is not None
        return found

    async def stop(self) -> None:
        """End the program as a supervisor does, and wait for its end."""
        process, self._running = self._running, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _start(self, command: str, output: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
