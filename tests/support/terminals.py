"""A pty with a shell that has job control."""

import asyncio
import os
import pty
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.eventually import eventually

PROMPT = "lockgate-test> "
CTRL_C, CTRL_Z = "\x03", "\x1a"
#: Makes the given terminal its controlling terminal, and becomes the shell.
_ATTACH = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(fd, number)
os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
"""


class Terminal:
    """Its shell reads what a test types; `shown` is everything that was on the screen."""

    def __init__(self, python: str, folder: Path, variables: Mapping[str, str]) -> None:
        self.shown = ""
        self._typing, shell_end = pty.openpty()
        self._name = os.ttyname(shell_end)
        self._shell_end = shell_end
        self._start = (python, "-c", _ATTACH, self._name)
        self._folder = folder
        self._environment = {**os.environ, **variables, "PS1": PROMPT, "TERM": "dumb"}

    async def __aenter__(self) -> Self:
        self._shell = await asyncio.create_subprocess_exec(
            *self._start, cwd=self._folder, env=self._environment, start_new_session=True
        )
        os.close(self._shell_end)
        os.set_blocking(self._typing, False)
        asyncio.get_running_loop().add_reader(self._typing, self._read)
        await self.shows(PROMPT)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._typing)
        os.close(self._typing)  # this hangs up: the shell ends and tells its jobs
        with suppress(ProcessLookupError):
            self._shell.send_signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(20):
                await self._shell.wait()
        except TimeoutError:
            self._shell.kill()
            await self._shell.wait()

    def type(self, text: str) -> None:
        os.write(self._typing, text.encode())

    async def shows(self, text: str, *, within_s: float = 40) -> None:
        """Wait until the text is shown; later calls look only at what follows it."""

        def found() -> bool:
            _, is_there, after = self.shown.partition(text)
            if is_there:
                self.shown = after
            assert is_there, self.shown
            return True

        await eventually(found, within_s=within_s)

    def _read(self) -> None:
        with suppress(OSError):
            self.shown += os.read(self._typing, 65536).decode(errors="replace")
