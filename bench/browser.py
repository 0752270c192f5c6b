"""Controls a real Chromium without a window, by the Chrome DevTools Protocol."""

import asyncio
import base64
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STARTS_WITHIN_S = 40.0
ANSWERS_WITHIN_S = 20.0

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    # It sends nothing to its maker.
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    # Pictures show the page alone, with grey antialiasing.
    *("--hide-scrollbars", "--disable-lcd-text", "--disable-font-subpixel-positioning"),
    *("--disable-sync", "--disable-extensions", "--remote-debugging-port=0", "about:blank"),
)
_LISTENING = re.compile(rb"DevTools listening on (ws://\S+)")

Scheme = Literal["light", "dark"]


def find_browser() -> str | None:
    """The program on PATH, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass(slots=True)
class Tab:
    """An open page; `events` are what the browser has reported of it, in order."""

    browser: "Browser"
    session: str
    events: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, method: str, **params: Any) -> Any:
        return await self.browser.call(method, params, self.session)

    async def show(self, url: str, *, width: int, scheme: Scheme, height: int = 900) -> None:
        """Load a page in a window of this width, with a preference for light or dark."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        preference = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[preference])
        self.events.clear()
        await self.call("Page.navigate", url=url)
        await self.happened("Page.loadEventFired")

    async def happened(self, method: str) -> dict[str, Any]:
        """Wait for an event since the page was loaded."""
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while True:
                for event in self.events:
                    if event["method"] == method:
                        return event
                await self.browser.heard.wait()

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def picture(self) -> bytes:
        """A PNG of the window's content."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


class Browser:
    """A connection to the browser; one task reads it and passes answers to those who wait."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.heard = asyncio.Event()
        self._socket = socket
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    async def call(self, method: str, params: dict[str, Any], session: str | None = None) -> Any:
        """Send a command and return its answer; RuntimeError with the browser's message."""
        number = len(self._asked)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        return await asyncio.wait_for(answer, ANSWERS_WITHIN_S)

    async def open_tab(self) -> Tab:
        target = await self.call("Target.createTarget", {"url": "about:blank"})
        attached = await self.call("Target.attachToTarget", {**target, "flatten": True})
        session = str(attached["sessionId"])
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            await tab.call(f"{domain}.enable")
        return tab

    async def read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                answer = self._asked[said["id"]]
                if "error" in said:
                    answer.set_exception(RuntimeError(said["error"]["message"]))
                elif not answer.done():
                    answer.set_result(said["result"])
            elif said.get("sessionId") in self._tabs:
                self._tabs[said["sessionId"]].events.append(said)
                self.heard.set()
                self.heard.clear()


@asynccontextmanager
async def chromium(program: str, profile: Path) -> AsyncIterator[Browser]:
    """The browser while the block runs; then it and everything that it started ends."""
    process = await asyncio.create_subprocess_exec(
        *(program, f"--user-data-dir={profile}", *_FLAGS),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        url = await asyncio.wait_for(_address(process), STARTS_WITHIN_S)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as socket,
        ):
            browser = Browser(socket)
            reading = asyncio.create_task(browser.read())
            try:
                yield browser
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    """The browser's address from its standard error, which must be read until it ends."""
    assert process.stderr is not None
    said = []
    async for line in process.stderr:
        said.append(line)
        found = _LISTENING.search(line)
        if found:
            return found[1].decode()
    raise RuntimeError(f"the browser ended: {b''.join(said).decode(errors='replace')}")
