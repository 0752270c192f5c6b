"""A real Chromium without a window, spoken to by the Chrome DevTools Protocol."""

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
    # It asks its maker for nothing.
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    # Pictures are of the page alone, in shades of its own colours.
    *("--hide-scrollbars", "--disable-lcd-text", "--disable-font-subpixel-positioning"),
    *("--disable-sync", "--disable-extensions", "--remote-debugging-port=0", "about:blank"),
)
_LISTENING = re.compile(rb"DevTools listening on (ws://\S+)")

Scheme = Literal["light", "dark"]


def find_browser() -> str | None:
    """The program, where there is one on PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass(slots=True)
class Tab:
    """A page that is open; `events` are what the browser told of it, in order."""

    browser: "Browser"
    session: str
    events: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, method: str, **params: Any) -> Any:
        return await self.browser.call(method, params, self.session)

    async def show(self, url: str, *, width: int, scheme: Scheme, height: int = 900) -> None:
        """Load a page in a window so wide, for who likes it light or dark."""
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
        """Wait for an event that has come since the page was asked for."""
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
        """A PNG of what the window shows."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


class Browser:
    """A connection to the browser; one task reads it and hands answers to who waits for them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.heard = asyncio.Event()
        self._socket = socket
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    async def call(self, method: str, params: dict[str, Any], session: str | None = None) -> Any:
        """What a command answers; RuntimeError with the browser's own words."""
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
    """The browser while the block runs; it is ended with all that it has started."""
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
    """Where it is spoken to; it says so on standard error, on which somebody has to go on reading."""
    assert process.stderr is not None
    said = []
    async for line in process.stderr:
        said.append(line)
        found = _LISTENING.search(line)
        if found:
            return found[1].decode()
    raise RuntimeError(f"the browser ended: {b''.join(said).decode(errors='replace')}")
