"""Asks for `/api/echo/echo` all the time: `python -m tests.support.steady_load URL FOLDER SENTINEL…`.

The folder's file `phase` says what the requests from now on count for; `state.json` says how far it is, and with the
phase `end` the program ends.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import redis.asyncio
from redis.exceptions import RedisError

CLIENTS = 8
EACH_S = 0.02
MOST_TOLD = 3
GROUP = "lockgate"
WITHIN = aiohttp.ClientTimeout(total=30)


class Load:
    """What was asked, by phase, and how it ended."""

    def __init__(self, url: str, folder: Path, sentinels: list[str]) -> None:
        self.phase = "start"
        self._url = url
        self._folder = folder
        self._sentinels = sentinels
        self._answered: Counter[str] = Counter()
        self._failed: dict[str, list[str]] = {}
        self._longest_s: dict[str, float] = {}
        self._clients: set[str] = set()
        self._in_a_row = 0
        self._primaries: list[str] = []
        self._replicas: list[int] = []

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=WITHIN) as session, asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._ask(session))
            group.create_task(self._tell())

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        for number in itertools.count():
            phase = self.phase
            if phase == "end":
                return
            began_s = time.monotonic()
            failure = await self._one(session, "POST" if number % 2 else "GET")
            took_s = time.monotonic() - began_s
            self._longest_s[phase] = max(self._longest_s.get(phase, 0), took_s)
            if failure is None:
                self._answered[phase] += 1
                self._in_a_row += 1
            else:
                self._failed.setdefault(phase, []).append(failure[:200])
                self._in_a_row = 0
            await asyncio.sleep(max(0.0, EACH_S - took_s))

    async def _one(self, session: aiohttp.ClientSession, method: str) -> str | None:
        body = "hello" if method == "POST" else None
        try:
            async with session.request(method, f"{self._url}/api/echo/echo", data=body) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"{method} {type(error).__name__}: {error}"
        if answer.status != 200:
            return f"{method} {answer.status}: {text}"
        told = json.loads(text)
        self._clients.add(told["client"])
        return None if (told["method"], told["body"]) == (method, body or "") else f"it got {told}"

    async def _tell(self) -> None:
        while True:
            told = [await self._told_by(sentinel) for sentinel in self._sentinels]
            self._primaries = [primary for primary, _ in told]
            self._replicas = [replicas for _, replicas in told]
            state = self._folder / "state.json.new"
            state.write_text(json.dumps(self._state()))
            state.rename(self._folder / "state.json")
            if self.phase == "end":
                return
            self.phase = (self._folder / "phase").read_text()
            await asyncio.sleep(0.1)

    async def _told_by(self, sentinel: str) -> tuple[str, int]:
        """The primary's address, or why there is none, and the number of its replicas."""
        client = redis.asyncio.Redis(host=sentinel, port=26379, socket_timeout=1)
        try:
            found = await client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", GROUP)
            primary = str(found[0].decode() if isinstance(found[0], bytes) else found[0])
            return primary, len(await client.execute_command("SENTINEL REPLICAS", GROUP))
        except (RedisError, OSError, TypeError) as error:
            return str(error), 0
        finally:
            await client.aclose()

    def _state(self) -> dict[str, Any]:
        return {
            "phase": self.phase,
            "answered": self._answered,
            "failed": {
                phase: (len(them), them[:MOST_TOLD]) for phase, them in self._failed.items()
            },
            "longest_s": self._longest_s,
            "clients": sorted(self._clients),
            "in_a_row": self._in_a_row,
            "primaries": self._primaries,
            "replicas": self._replicas,
        }


def main() -> None:
    url, folder, *sentinels = sys.argv[1:]
    asyncio.run(Load(url, Path(folder), sentinels).run())


if __name__ == "__main__":
    main()
