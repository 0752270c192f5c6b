"""A reader of a tutorial: terminals in one folder, where it types what the document says."""

import re
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.registry_servers import free_port
from tests.support.stacks import free_offset
from tests.support.terminals import PROMPT, Terminal


class Desk:
    """A reader's terminals in one folder, and free ports in place of those of the document."""

    def __init__(
        self,
        folder: Path,
        terminals: AsyncExitStack,
        ports: Sequence[str] = ("9000", "9001", "9002"),
    ) -> None:
        self.folder = folder
        self.typed: list[str] = []
        self._terminals = terminals
        self._offset = free_offset()
        self._ports = {port: str(free_port()) for port in ports}

    def moved(self, text: str) -> str:
        text = text.replace("localhost:8080", f"localhost:{8080 + self._offset}")
        ports = "|".join(self._ports)
        return re.sub(rf"\b(?:{ports})\b", lambda port: self._ports[port[0]], text)

    async def open(self) -> Terminal:
        variables = {"PORT_OFFSET": str(self._offset), "COLUMNS": "200"}
        terminal = Terminal(sys.executable, self.folder, variables)
        return await self._terminals.enter_async_context(terminal)

    async def type(self, terminal: Terminal, command: str) -> None:
        self.typed.append(command)
        terminal.type(self.moved(command) + "\n")
        await terminal.shows("\n")  # the typed line

    async def run(
        self, terminal: Terminal, command: str, *shown: str, within_s: float = 60
    ) -> None:
        """Type a command that ends, and wait until it has shown these lines, in this order."""
        await self.type(terminal, command)
        for line in shown:
            await terminal.shows(self.moved(line), within_s=within_s)
        await terminal.shows(PROMPT, within_s=within_s)
