"""The workers of a gateway, as its log tells of them and as the kernel knows them."""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.chaos.programs import Program
from bench.chaos.proofs import NothingBroken

LOOKED_EACH_S = 0.05
#: Lines of the log that are about workers and rolls; the many others are not parsed.
_ABOUT = (b'"event":"worker.', b'"event":"roll.')


class Workers:
    """What a gateway's log says of its workers and of rolls; it is read on as it grows."""

    def __init__(self, gateway: Program) -> None:
        self.gateway = gateway
        self.events: list[dict[str, Any]] = []
        self._read = 0
        self._begun = b""

    def ready(self) -> dict[int, int]:
        """The pids of the workers that are in service, by slot."""
        self._look()
        pids: dict[int, int] = {}
        for event in self.events:
            if event["event"] == "worker.ready":
                pids[event["slot"]] = event["pid"]
            elif event["event"] in ("worker.ended", "worker.stopped"):
                pids = {slot: pid for slot, pid in pids.items() if pid != event["pid"]}
        return pids

    def leaves(self, pid: int) -> bool:
        """Whether a worker has been told to stop: it has a successor that is in service."""
        self._look()
        slots = {e["pid"]: e["slot"] for e in self.events if e["event"] == "worker.ready"}
        return self.ready().get(slots[pid]) != pid

    def leaving(self) -> int:
        """How many workers finish the tunnels and streams that rolls have left them."""
        self._look()
        ended = {e["pid"] for e in self.events if e["event"] in ("worker.ended", "worker.stopped")}
        stopping = {e["pid"] for e in self.events if e["event"] == "worker.stopping"}
        return len(stopping - ended)

    async def until_few_leave(self, most: int, within_s: float) -> None:
        """Wait until no more than so many finish what rolls have left them. Raises NothingBroken."""
        await self._until(lambda: self.leaving() <= most, within_s, f"{most} workers that leave")

    def count(self, name: str) -> int:
        """How many events of this name there are."""
        self._look()
        return sum(event["event"] == name for event in self.events)

    async def until_ready(self, count: int, within_s: float) -> None:
        """Wait until so many are in service. Raises NothingBroken."""
        await self._until(lambda: len(self.ready()) >= count, within_s, f"{count} workers")

    async def roll_ends(self, before: int, within_s: float) -> dict[str, Any]:
        """The event of the end of the roll that follows `before` ended ones. Raises NothingBroken."""
        await self._until(lambda: len(self.ended_rolls()) > before, within_s, "the end of a roll")
        return self.ended_rolls()[before]

    def ended_rolls(self) -> list[dict[str, Any]]:
        self._look()
        return [event for event in self.events if event["event"] in ("roll.done", "roll.failed")]

    async def _until(self, found: Any, within_s: float, what: str) -> None:
        until_s = time.monotonic() + within_s
        while not found():
            if time.monotonic() > until_s:
                raise NothingBroken(f"the gateway did not come to {what} in {within_s:.0f} s")
            await asyncio.sleep(LOOKED_EACH_S)

    def _look(self) -> None:
        with self.gateway.output.open("rb") as log:
            log.seek(self._read)
            came = log.read()
        self._read += len(came)
        *lines, self._begun = (self._begun + came).split(b"\n")
        for line in lines:
            if any(about in line for about in _ABOUT):
                with suppress(ValueError):
                    self.events.append(json.loads(line))


def client_ports(pid: int, port: int) -> set[int]:
    """The ports of the clients that are connected to this process at its port."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(descriptor.readlink()))
    ports = set()
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        words = line.split()
        if int(words[1].partition(":")[2], 16) == port and f"socket:[{words[9]}]" in sockets:
            ports.add(int(words[2].partition(":")[2], 16))
    return ports - {0}
