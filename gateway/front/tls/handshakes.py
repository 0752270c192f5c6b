"""Counts handshakes, and bounds those that are under way: a client that never finishes costs little."""

import asyncio
from collections import Counter
from typing import Any, Literal, Protocol

from middlewares.telemetry.seldom import Seldom

#: A client has this long to finish.
WITHIN_S = 10.0
_SWEEP_EVERY_S = 1.0
#: Above this number the oldest that is under way ends.
MOST = 2048

Result = Literal["full", "resumed", "failed", "timed_out", "crowded_out", "plain_http"]
RESULTS: tuple[Result, ...] = (
    "full",
    "resumed",
    "failed",
    "timed_out",
    "crowded_out",
    "plain_http",
)


class Connecting(Protocol):
    """A connection whose handshake is under way."""

    def abort(self) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Handshakes:
    """Those under way, the oldest first, and how many have ended in each way."""

    def __init__(self, most: int = MOST) -> None:
        self.ended: Counter[Result] = Counter(dict.fromkeys(RESULTS, 0))
        self._most = most
        self._until_s: dict[Connecting, float] = {}
        #: Those among them that speak plain HTTP and are counted already; they still read their answer.
        self._refused: set[Connecting] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._failed = Seldom("tls.handshake_failed")

    @property
    def under_way(self) -> int:
        return len(self._until_s)

    def names(self) -> set[Any]:
        """Host and port of the clients whose handshakes are under way."""
        names = (one.get_extra_info("peername") for one in self._until_s)
        return {name[:2] for name in names if isinstance(name, tuple)}

    def begin(self, one: Connecting) -> None:
        """Give it its time; if there are too many, the oldest ends."""
        if len(self._until_s) >= self._most:
            self._end(next(iter(self._until_s)), "crowded_out")
        loop = asyncio.get_running_loop()
        self._until_s[one] = loop.time() + WITHIN_S
        if self._sweep is None:
            self._sweep = loop.call_later(_SWEEP_EVERY_S, self._end_late)

    def done(self, one: Connecting, result: Result) -> None:
        if self._until_s.pop(one, None) is not None:
            self.ended[result] += 1

    def refused_plain(self, one: Connecting) -> None:
        """Count a client that speaks plain HTTP; it has its time to read the answer."""
        self.ended["plain_http"] += 1
        self._refused.add(one)

    def failed(self, one: Connecting, why: str, client: str) -> None:
        """Count it, and say seldom why: anyone can make many of them fail."""
        if self._until_s.pop(one, None) is not None:
            self.ended["failed"] += 1
            self._failed.warn(why=why, client=client)

    def left(self, one: Connecting) -> None:
        """Forget a client that has gone without having said anything."""
        self._until_s.pop(one, None)
        self._refused.discard(one)

    def close(self) -> None:
        """End all of them."""
        for one in list(self._until_s):
            self._until_s.pop(one, None)
            one.abort()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _end_late(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for one, until_s in list(self._until_s.items()):
            if until_s > now_s:
                break
            self._end(one, "timed_out")
        sweeps = bool(self._until_s)
        self._sweep = loop.call_later(_SWEEP_EVERY_S, self._end_late) if sweeps else None

    def _end(self, one: Connecting, result: Result) -> None:
        if one in self._refused:
            self.left(one)
        else:
            self.done(one, result)
        one.abort()
